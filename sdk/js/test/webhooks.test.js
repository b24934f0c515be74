import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import test from 'node:test';
import { verifyWebhook } from 'patchbay';

const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const at = new Date('2026-11-25T12:00:00Z');
const body = '{"id":"msg_1","type":"connection.deleted","time":"2026-11-25T12:00:00Z","data":{"connection":"c","integration":"slack","userId":"ä","detail":""}}';

function sign(text, { key = secret, id = 'msg_1', seconds = at.getTime() / 1000 } = {}) {
  const mac = createHmac('sha256', Buffer.from(key.slice('whsec_'.length), 'base64')).update(`${id}.${seconds}.${text}`).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': String(seconds), 'webhook-signature': `v1,${mac}` };
}

const refused = { name: 'PatchbayError', code: 'webhook_not_verified' };

test('the example of Standard Webhooks verifies', async () => {
  const headers = { 'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek', 'webhook-timestamp': '1614265330', 'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=' };
  assert.deepEqual(await verifyWebhook(headers, '{"test": 2432232314}', secret, new Date(1614265330_000)), { test: 2432232314 });
});

test('headers and bodies may be of Node.js or of the Fetch API', async () => {
  const headers = sign(body);
  for (const h of [headers, new Headers(headers)]) {
    for (const b of [body, new TextEncoder().encode(body), Buffer.from(body)]) {
      assert.equal((await verifyWebhook(h, b, secret, at)).data.userId, 'ä');
    }
  }
});

test('one signature of several is enough', async () => {
  const headers = sign(body);
  headers['webhook-signature'] = `v1,AAAA v1a,${headers['webhook-signature'].slice(3)} v1,! ${headers['webhook-signature']}`;
  assert.equal((await verifyWebhook(headers, body, secret, at)).id, 'msg_1');
});

test('what was changed, is old or signed by others is refused', async () => {
  const seconds = at.getTime() / 1000;
  const cases = [
    [sign(body), `${body} `],
    [{ ...sign(body), 'webhook-id': 'msg_2' }, body],
    [{ ...sign(body), 'webhook-timestamp': String(seconds + 1) }, body],
    [sign(body, { key: 'whsec_AAAA' }), body],
    [sign(body, { seconds: seconds - 301 }), body],
    [sign(body, { seconds: seconds + 301 }), body],
    [{ ...sign(body), 'webhook-signature': undefined }, body],
    [{ ...sign(body), 'webhook-timestamp': 'now' }, body],
    [{}, body],
    [sign('text'), 'text'],
  ];
  for (const [headers, text] of cases) {
    await assert.rejects(verifyWebhook(headers, text, secret, at), refused);
  }
  for (const seconds of [-300, 300]) {
    assert.ok(await verifyWebhook(sign(body, { seconds: at.getTime() / 1000 + seconds }), body, secret, at));
  }
  await assert.rejects(verifyWebhook(sign(body), body, ''), TypeError);
});
