// Compiled, never run: the types as a CommonJS application gets them.
import patchbay = require('patchbay');
import frontend = require('patchbay/frontend');

export const client: patchbay.Patchbay = new patchbay.Patchbay({ host: 'https://patchbay.example.com', apiKey: 'key' });
export const codes: string[] = [new patchbay.PatchbayError('internal', 'message').code];
export const browser: Promise<frontend.ConnectResult> = new frontend.Patchbay('https://patchbay.example.com', { sessionToken: 'token' }).connect('slack', '1');
