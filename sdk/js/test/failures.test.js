import assert from 'node:assert/strict';
import http from 'node:http';
import test from 'node:test';
import { inspect } from 'node:util';
import { Patchbay, PatchbayError } from 'patchbay';
import { KEY, connection, fault, listen, serve } from './server.js';

const fine = { json: connection, headers: { ETag: '"3.1"' } };
const get = (client) => client.getConnection('slack', '1');
const post = (client) => client.refreshConnection('slack', '1');
const put = (client) => client.updateConnectionConfig('slack', '1', {});
const patch = (client) => client.patchConnectionConfig('slack', '1', {});
const conditional = (client) => client.updateConnectionConfig('slack', '1', {}, { ifMatch: '"3.1"' });
const remove = (client) => client.deleteConnection('slack', '1');

test('an error says what the server said', async (t) => {
  const fields = [{ field: 'additionalConfig', message: 'expected a value', line: 2, column: 7 }];
  const { client } = await serve(t, () => fault(422, 'invalid_config', {}, fields));
  const error = await put(client).catch((e) => e);
  assert.ok(error instanceof PatchbayError && error instanceof Error);
  const { name, message, code, status, requestId } = error;
  assert.deepEqual({ name, message, code, status, requestId, fields: error.fields },
    { name: 'PatchbayError', message: 'The message of invalid_config.', code: 'invalid_config', status: 422, requestId: 'req-2', fields });
});

test('what passes is tried again where that is safe', async (t) => {
  const everyone = [get, post, put, patch, conditional, remove];
  const harmless = [get, post, put, patch];
  const cases = [
    ['429', fault(429, 'too_many_requests'), everyone],
    ['503', { status: 503, text: '<h1>Service Unavailable</h1>' }, everyone],
    ['409 in progress', fault(409, 'idempotency_in_progress'), everyone],
    ['500', fault(500, 'internal'), harmless],
    ['502', fault(502, 'refresh_failed'), harmless],
    ['504', { status: 504, text: '' }, harmless],
    ['connection lost', null, harmless],
    ['400', fault(400, 'malformed_body'), []],
    ['401', fault(401, 'unauthenticated'), []],
    ['404', fault(404, 'unknown_connection'), []],
    ['409', fault(409, 'stale_version'), []],
    ['422', fault(422, 'invalid_config'), []],
    ['424', fault(424, 'needs_reconnect'), []],
    ['501', { status: 501, text: '' }, []],
  ];
  for (const [name, answer, repeated] of cases) {
    for (const call of everyone) {
      const { client, calls, waits } = await serve(t, (_, n) => (n === 1 ? answer : fine));
      const ok = await call(client).then(() => true, () => false);
      const want = repeated.includes(call);
      assert.equal(ok, want, `${name}: ${call}`);
      assert.equal(calls.length, want ? 2 : 1, `${name}: ${call}`);
      assert.equal(waits.length, calls.length - 1);
    }
  }
});

test('three tries, and longer waits between them', async (t) => {
  const { client, calls, waits } = await serve(t, () => fault(503, 'unavailable'));
  await assert.rejects(post(client), { code: 'unavailable', status: 503 });
  assert.equal(calls.length, 3);
  assert.equal(new Set(calls.map((c) => c.headers['idempotency-key'])).size, 1, 'one key for all tries');
  assert.ok(waits[0] >= 250 && waits[0] <= 500 && waits[1] >= 500 && waits[1] <= 1000, waits);
  await post(client).catch(() => {});
  assert.notEqual(calls[3].headers['idempotency-key'], calls[0].headers['idempotency-key'], 'another call has another key');
});

test('Retry-After is honoured, up to a minute', async (t) => {
  const asked = async (value) => {
    const { client, calls, waits } = await serve(t, () => fault(429, 'too_many_requests', { 'Retry-After': value }));
    const { retryAfter } = await get(client).catch((e) => e);
    return { calls: calls.length, waits, retryAfter };
  };
  assert.deepEqual(await asked('7'), { calls: 3, waits: [7000, 7000], retryAfter: 7 });
  assert.deepEqual(await asked('61'), { calls: 1, waits: [], retryAfter: 61 });
  const past = await asked(new Date(0).toUTCString());
  assert.deepEqual(past, { calls: 3, waits: [0, 0], retryAfter: 0 });
  const soon = await asked(new Date(Date.now() + 30_000).toUTCString());
  assert.ok(soon.waits.every((ms) => ms > 20_000 && ms <= 30_000), String(soon.waits));
  assert.equal((await asked('soon')).retryAfter, undefined);
});

test('an aborted signal ends the call with its reason', async (t) => {
  const reason = new Error('the user left');
  const during = new AbortController();
  const { client } = await serve(t, () => { during.abort(reason); return fine; });
  await assert.rejects(client.getConnection('slack', '1', { signal: during.signal }), reason);
  await assert.rejects(client.getConnection('slack', '1', { signal: during.signal }), reason, 'before it begins');

  // With the real wait, which an abort cuts short.
  const waiting = new AbortController();
  const slow = await serve(t, () => { setImmediate(() => waiting.abort(reason)); return fault(503, 'x', { 'Retry-After': '59' }); }, { sleep: undefined });
  await assert.rejects(slow.client.getConnection('slack', '1', { signal: waiting.signal }), reason);
  assert.equal(slow.calls.length, 1);
});

test('the real wait ends by itself', async (t) => {
  const { client, calls } = await serve(t, (_, n) => (n === 1 ? fault(503, 'x', { 'Retry-After': '0' }) : fine), { sleep: undefined });
  await client.getConnection('slack', '1', { signal: new AbortController().signal });
  assert.equal(calls.length, 2);
});

test('a server that is not there, or is another one', async (t) => {
  const gone = http.createServer();
  const nobody = await listen({ after: () => {} }, gone);
  await new Promise((resolve) => gone.close(resolve));
  const sleep = async () => {};
  const error = await get(new Patchbay({ host: nobody, apiKey: KEY, sleep })).catch((e) => e);
  assert.deepEqual({ code: error.code, status: error.status, requestId: error.requestId, fields: error.fields }, { code: 'network_error', status: 0, requestId: '', fields: [] });
  assert.match(error.message, /^http:\/\/127\.0\.0\.1:\d+ could not be reached: .*ECONNREFUSED/);
  assert.ok(error.cause);

  for (const answer of [{ text: '<!doctype html>' }, { status: 404, text: '<h1>Not found</h1>' }, { status: 404, json: { error: 'nope' } }, { status: 400, json: null }]) {
    const { client } = await serve(t, () => answer);
    await assert.rejects(get(client), { code: 'unexpected_response', status: answer.status ?? 200, message: /something other than Patchbay's JSON/ });
  }
});

test('the key does not follow a redirect', async (t) => {
  const other = await serve(t, () => fine);
  const { client } = await serve(t, () => ({ status: 308, headers: { Location: `${other.host}/api/v1/x` } }));
  await assert.rejects(get(client), { code: 'unexpected_response', status: 308, message: new RegExp(`redirects to ${other.host},`) });
  assert.equal(other.calls.length, 0);
});

test('no error holds the key', async (t) => {
  for (const answer of [fault(401, 'unauthenticated'), { status: 200, text: 'x' }, null]) {
    const { client } = await serve(t, () => answer);
    const error = await get(client).catch((e) => e);
    assert.ok(!inspect(error, { depth: Infinity, showHidden: true }).includes(KEY));
  }
});
