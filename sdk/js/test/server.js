import http from 'node:http';
import { text as read } from 'node:stream/consumers';
import { Patchbay } from 'patchbay';

export const KEY = 'pb_secret-key';

/**
 * Starts a server that answers with what `answer(call, n)` gives, n counting from 1: {status, headers, json | text}, or
 * null to drop the line. Gives a client of it, the calls that it received, and the waits between tries.
 */
export async function serve(t, answer, options = {}) {
  const calls = [];
  const server = http.createServer(async (request, response) => {
    const body = await read(request);
    const call = { method: request.method, url: request.url, headers: request.headers, body, json: body && JSON.parse(body) };
    calls.push(call);
    const given = answer(call, calls.length);
    if (given === null) {
      request.socket.destroy();
      return;
    }
    const { status = 200, headers = {}, json, text = json === undefined ? '' : JSON.stringify(json) } = given;
    response.writeHead(status, { 'X-Request-Id': 'req-1', ...headers }).end(text);
  });
  const host = await listen(t, server);
  const waits = [];
  const sleep = async (ms, signal) => {
    waits.push(ms);
    signal?.throwIfAborted();
  };
  return { client: new Patchbay({ host, apiKey: KEY, sleep, ...options }), host, calls, waits };
}

/** Listens on a free port until the test ends, and gives the address. */
export async function listen(t, server, name = '127.0.0.1') {
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  }));
  return `http://${name}:${server.address().port}`;
}

/** The body and status of an error, as the server tells it. */
export function fault(status, code, headers = {}, fields) {
  return { status, headers, json: { error: { code, message: `The message of ${code}.`, fields, requestId: 'req-2' } } };
}

export const connection = {
  uuid: '0b0a1a1e-0000-4000-8000-000000000001', integration: 'slack', userId: '1',
  dateCreated: '2022-08-10T16:08:23Z', lastModified: '2022-08-10T16:08:23Z', authMode: 'OAUTH2',
  status: 'connected', statusReason: '', expiresAt: null, refreshable: true, tags: [], version: 3,
  additionalConfig: { sample: 'value' },
};
