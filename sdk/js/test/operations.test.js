import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import test from 'node:test';
import { inspect } from 'node:util';
import { Patchbay } from 'patchbay';
import { KEY, connection, serve } from './server.js';

const etag = '"3.1"';
const one = { status: 200, headers: { ETag: etag }, json: connection };
const tagged = { ...connection, etag };

test('each operation is one call of the API', async (t) => {
  const credentials = { access_token: 'xoxb' };
  const session = { userId: '1', integrations: ['slack'], confirm: true };
  const cases = [
    [(c) => c.registerConnection('slack', '1', credentials, { a: 1 }, { tags: ['vip'] }), 'POST /connections',
      { integration: 'slack', userId: '1', credentials, additionalConfig: { a: 1 }, tags: ['vip'] }, { ...one, status: 201 }, tagged],
    [(c) => c.registerConnection('slack', '1', credentials), 'POST /connections', { integration: 'slack', userId: '1', credentials }, one, tagged],
    [(c) => c.updateConnectionConfig('slack', '1', { a: null }), 'PUT /connections/slack/1/config', { a: null }, one, tagged],
    [(c) => c.patchConnectionConfig('slack', '1', { a: null }), 'PATCH /connections/slack/1/config', { a: null }, one, tagged],
    [(c) => c.updateConnectionCredentials('slack', '1', credentials), 'PUT /connections/slack/1/credentials', credentials, one, tagged],
    [(c) => c.triggerAction('slack', 'notify', '1', { msg: 'hi' }), 'POST /connections/slack/1/actions/notify', { msg: 'hi' }, { json: { result: [1], runId: 'r' } }, [1]],
    [(c) => c.triggerAction('slack', 'notify', '1'), 'POST /connections/slack/1/actions/notify', null, { json: { result: null, runId: 'r' } }, null],
    [(c) => c.getConnection('slack', '1'), 'GET /connections/slack/1', '', one, tagged],
    [(c) => c.getConnectionConfigText('slack', '1'), 'GET /connections/slack/1/config', '', { text: '{"n": 12345678901234567890}' }, '{"n": 12345678901234567890}'],
    [(c) => c.getCredentials('slack', '1'), 'GET /connections/slack/1/credentials', '', { json: { credentials } }, { credentials }],
    [(c) => c.getCredentials('slack', '1', { minTtl: 60, forceRefresh: true }), 'GET /connections/slack/1/credentials?minTtl=60&forceRefresh=true', '', { json: { credentials } }, { credentials }],
    [(c) => c.setConnectionTags('slack', '1', []), 'PUT /connections/slack/1/tags', [], one, tagged],
    [(c) => c.refreshConnection('slack', '1'), 'POST /connections/slack/1/refresh', '', one, tagged],
    [(c) => c.enableConnection('slack', '1'), 'POST /connections/slack/1/enable', '', one, tagged],
    [(c) => c.disableConnection('slack', '1'), 'POST /connections/slack/1/disable', '', one, tagged],
    [(c) => c.deleteConnection('slack', '1'), 'DELETE /connections/slack/1', '', { json: { revocation: 'revoked' } }, { revocation: 'revoked' }],
    [(c) => c.getConnectionsPage({ q: 'a b', tag: undefined, count: true }), 'GET /connections?q=a%20b&count=true', '', { json: { connections: [], nextCursor: '', total: 0 } }, { connections: [], nextCursor: '', total: 0 }],
    [(c) => c.getIntegrations(), 'GET /integrations', '', { json: { integrations: [{ name: 'slack' }] } }, [{ name: 'slack' }]],
    [(c) => c.getIntegration('slack'), 'GET /integrations/slack', '', { json: { name: 'slack' } }, { name: 'slack' }],
    [(c) => c.createIntegration({ name: 'slack', provider: 'slack' }), 'POST /integrations', { name: 'slack', provider: 'slack' }, { status: 201, json: { name: 'slack' } }, { name: 'slack' }],
    [(c) => c.updateIntegration('slack', { log_level: 'debug' }), 'PATCH /integrations/slack', { log_level: 'debug' }, { json: { name: 'slack' } }, { name: 'slack' }],
    [(c) => c.deleteIntegration('slack'), 'DELETE /integrations/slack', '', { status: 204 }, undefined],
    [(c) => c.getProviders(), 'GET /providers', '', { json: { providers: [] } }, []],
    [(c) => c.getProvider('slack'), 'GET /providers/slack', '', { json: { name: 'slack' } }, { name: 'slack' }],
    [(c) => c.createConnectSession(session), 'POST /connect-sessions', session, { status: 201, json: { id: 'i', token: 't' } }, { id: 'i', token: 't' }],
    [(c) => c.getConnectSession('t'), 'GET /connect-sessions/t', '', { json: { id: 'i' } }, { id: 'i' }],
    [(c) => c.deleteConnectSession('i'), 'DELETE /connect-sessions/i', '', { status: 204 }, undefined],
    [(c) => c.redeemClaim('claim', '1'), 'POST /connect-sessions/claim', { claim: 'claim', userId: '1' }, one, tagged],
    [(c) => c.audit({ connection: 'u', limit: 5 }), 'GET /audit?connection=u&limit=5', '', { json: { entries: [], nextCursor: '' } }, { entries: [], nextCursor: '' }],
    [(c) => c.getWebhooks(), 'GET /webhooks', '', { json: { webhooks: [{ id: 'w' }] } }, [{ id: 'w' }]],
    [(c) => c.getWebhook('w'), 'GET /webhooks/w', '', { json: { id: 'w' } }, { id: 'w' }],
    [(c) => c.createWebhook({ url: 'https://app.example.com/hook', types: ['connection.deleted'] }), 'POST /webhooks',
      { url: 'https://app.example.com/hook', types: ['connection.deleted'] }, { status: 201, json: { id: 'w', secret: 'whsec_' } }, { id: 'w', secret: 'whsec_' }],
    [(c) => c.updateWebhook('w', { enabled: false, integrations: [] }), 'PATCH /webhooks/w', { enabled: false, integrations: [] }, { json: { id: 'w' } }, { id: 'w' }],
    [(c) => c.deleteWebhook('w'), 'DELETE /webhooks/w', '', { status: 204 }, undefined],
    [(c) => c.rollWebhookSecret('w'), 'POST /webhooks/w/roll-secret', '', { json: { id: 'w', secret: 'whsec_' } }, { id: 'w', secret: 'whsec_' }],
    [(c) => c.testWebhook('w'), 'POST /webhooks/w/test', '', { status: 202, json: { id: 'd', type: 'webhook.test' } }, { id: 'd', type: 'webhook.test' }],
    [(c) => c.redeliverWebhook('w', 'd'), 'POST /webhooks/w/deliveries/d/redeliver', '', { status: 202, json: { id: 'd' } }, { id: 'd' }],
    [(c) => c.events({ type: 'connection.created', cursor: 'c' }), 'GET /events?type=connection.created&cursor=c', '', { json: { events: [], nextCursor: 'c' } }, { events: [], nextCursor: 'c' }],
  ];
  for (const [operation, line, body, answer, want] of cases) {
    const { client, calls } = await serve(t, () => answer);
    assert.deepEqual(await operation(client), want, line);
    assert.equal(calls.length, 1);
    assert.equal(`${calls[0].method} ${calls[0].url}`, line.replace(' ', ' /api/v1'));
    assert.deepEqual(calls[0].json, body, line);
    assert.equal(calls[0].headers.authorization, `Bearer ${KEY}`);
    assert.equal('idempotency-key' in calls[0].headers, calls[0].method === 'POST', line);
    assert.equal(calls[0].headers['content-type'], body === '' ? undefined : 'application/json');
  }
});

test('lists give everything, page by page', async (t) => {
  const pages = { '': ['1', 'a'], a: ['2', 'b'], b: ['3', ''] };
  const answer = ({ url }) => {
    const [userId, nextCursor] = pages[new URL(url, 'http://x').searchParams.get('cursor') ?? ''];
    return { json: { connections: [{ ...connection, userId }], nextCursor } };
  };
  const { client, calls } = await serve(t, answer);
  assert.deepEqual((await client.getConnectionsForIntegration('slack')).map((c) => c.userId), ['1', '2', '3']);
  assert.deepEqual(calls.map((c) => c.url), ['', '&cursor=a', '&cursor=b'].map((end) => `/api/v1/connections?integration=slack&limit=500${end}`));

  calls.length = 0;
  assert.equal((await client.getConnectionsForUserId('a/b é')).length, 3);
  assert.equal(calls[0].url, '/api/v1/connections?userId=a%2Fb%20%C3%A9&limit=500');

  calls.length = 0;
  for await (const { userId } of client.listConnections({ status: 'error' })) {
    if (userId === '2') break;
  }
  assert.equal(calls.length, 2, 'no page is read that nobody asked for');

  const empty = await serve(t, () => ({ json: { connections: [], nextCursor: '' } }));
  assert.deepEqual(await empty.client.getConnectionsForUserId('nobody'), []);
});

test('deliveries come page by page as they are needed', async (t) => {
  const pages = { '': ['1', 'a'], a: ['2', 'b'], b: ['3', ''] };
  const { client, calls } = await serve(t, ({ url }) => {
    const [id, nextCursor] = pages[new URL(url, 'http://x').searchParams.get('cursor') ?? ''];
    return { json: { deliveries: [{ id }], nextCursor } };
  });
  const ids = [];
  for await (const { id } of client.listWebhookDeliveries('w')) ids.push(id);
  assert.deepEqual(ids, ['1', '2', '3']);
  assert.deepEqual(calls.map((c) => c.url), ['', '&cursor=a', '&cursor=b'].map((end) => `/api/v1/webhooks/w/deliveries?limit=500${end}`));
  calls.length = 0;
  for await (const { id } of client.listWebhookDeliveries('w')) {
    if (id === '1') break;
  }
  assert.equal(calls.length, 1, 'no page is read that nobody asked for');
});

test('any user id arrives as it is', async (t) => {
  const { client, calls } = await serve(t, () => one);
  for (const userId of ['a/b', '%2F', '..a', '...', ' ', 'é', '😀', '?x=1#y', 'a\\b', '+', '../../keys', "'\"<>"]) {
    await client.getConnection('slack', userId);
    const { url } = calls.at(-1);
    assert.equal(decodeURIComponent(url.slice('/api/v1/connections/slack/'.length)), userId);
    assert.equal(url.split('/').length, 6);
  }
});

test('what no address can hold is refused before anything is sent', async (t) => {
  const { client, calls } = await serve(t, () => one);
  for (const userId of ['.', '..', '', '\ud800', undefined, 42]) {
    await assert.rejects(client.getConnection('slack', userId), { name: 'PatchbayError', code: 'invalid_user_id', status: 0, message: /^userId must/ });
  }
  for (const userId of ['', undefined, '\ud800']) { // would be the connections of everyone, or of someone else
    await assert.rejects(client.getConnectionsForUserId(userId), { code: 'invalid_user_id' });
  }
  await assert.rejects(client.getConnectionsForIntegration(''), { code: 'invalid_parameter' });
  await assert.rejects(client.triggerAction('slack', '..', '1', {}), { code: 'invalid_parameter', message: /^action must/ });
  await assert.rejects(client.deleteWebhook(''), { code: 'invalid_parameter', message: /^id must/ });
  await assert.rejects(client.redeliverWebhook('w', '..'), { code: 'invalid_parameter', message: /^deliveryId must/ });
  await assert.rejects(client.deleteIntegration('.'), { code: 'invalid_parameter', message: /^name must not be "\."/ });
  const circle = {};
  circle.circle = circle;
  for (const config of [undefined, () => {}, circle, { n: 1n }]) {
    await assert.rejects(client.updateConnectionConfig('slack', '1', config), { code: 'invalid_body', message: /as JSON/ });
  }
  await assert.rejects(client.refreshConnection('slack', '1', { idempotencyKey: 'a b' }), { code: 'invalid_header' });
  await assert.rejects(client.updateConnectionConfig('slack', '1', {}, { ifMatch: '' }), { code: 'invalid_header' });
  assert.equal(calls.length, 0);
});

test('a version and an idempotency key of the caller are sent', async (t) => {
  const { client, calls } = await serve(t, () => one);
  const { etag } = await client.getConnection('slack', '1');
  await client.updateConnectionConfig('slack', '1', {}, { ifMatch: etag });
  await client.refreshConnection('slack', '1', { idempotencyKey: 'order-1' });
  assert.equal(calls[1].headers['if-match'], '"3.1"');
  assert.equal(calls[2].headers['idempotency-key'], 'order-1');
});

test('objects of the caller are left as they are', async (t) => {
  const { client } = await serve(t, ({ method }) => method === 'GET' ? { json: { connections: [], nextCursor: '' } } : one);
  const freeze = (value) => Object.freeze(Object.values(value).forEach((v) => typeof v === 'object' && freeze(v)) ?? value);
  await client.registerConnection('slack', '1', freeze({ access_token: 'x', raw: {} }), freeze({ a: { b: 1 } }), freeze({ tags: ['a'] }));
  await client.updateConnectionConfig('slack', '1', freeze({ a: [{}] }), freeze({}));
  await client.getConnectionsPage(freeze({ userId: '1' }));
  for await (const _ of client.listConnections(freeze({ limit: 1 })));
});

test('the key is not seen by what prints', () => {
  const client = new Patchbay({ host: 'https://patchbay.example.com/', apiKey: KEY });
  const seen = inspect(client, { depth: Infinity, showHidden: true }) + JSON.stringify(client) + String(client) + Object.keys(client);
  assert.ok(!seen.includes(KEY), seen);
});

test('a wrong host or key is told at once, without the key', () => {
  for (const host of ['', 'patchbay.example.com', 'ftp://example.com', 'https://u:p@example.com', 'https://example.com?x', undefined]) {
    assert.throws(() => new Patchbay({ host, apiKey: KEY }), { name: 'TypeError', message: /^Patchbay: host must/ });
  }
  for (const apiKey of ['', undefined, `${KEY}\n`, 'ключ']) {
    assert.throws(() => new Patchbay({ host: 'https://example.com', apiKey }), (error) => error instanceof TypeError && !error.message.includes(KEY));
  }
});

test('a root with a path is kept', async (t) => {
  const { host, calls } = await serve(t, () => one);
  await new Patchbay({ host: `${host}/tools/patchbay/`, apiKey: KEY }).getConnection('slack', '1');
  assert.equal(calls[0].url, '/tools/patchbay/api/v1/connections/slack/1');
});

test('CommonJS has the same exports', async () => {
  const require = createRequire(import.meta.url);
  for (const name of ['patchbay', 'patchbay/frontend']) {
    assert.deepEqual(Object.keys(require(name)).sort(), Object.keys(await import(name)).sort());
  }
});
