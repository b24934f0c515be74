export { defineConnectElement } from './element.js';
export { ConnectError, type ConnectErrorType, type ConnectFault, type ConnectResult } from './error.js';
export type { ConnectOptions } from './flow.js';
export { Patchbay, type PatchbayOptions } from './patchbay.js';
