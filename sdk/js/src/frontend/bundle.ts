// The bundle that the server itself offers, for pages without a build: <script src="…/static/connect.js"></script>.
import { defineConnectElement, Patchbay } from './index.js';

Object.assign(window, { Patchbay });
defineConnectElement();
