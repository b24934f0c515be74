import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { after, before, describe, test } from 'node:test';
import { build } from 'esbuild';
import { Chromium, missing } from './chromium.js';
import { listen } from './server.js';

/** The durations of src/frontend/timing.ts, so much shorter that nobody waits for them, and longer than a busy machine stalls. */
const timing = `
  export const POLL_MS = 30, POLL_TIMEOUT_MS = 2000, LONGEST_PAUSE_MS = 250, UNREACHABLE_MS = 1000, LONGEST_SESSION_MS = 86_400_000;
  export const PATIENCE_MS = { none: 0, redirected: 500, started: 500, pending: 500, consumed: 500 };`;

/** The browser library with those durations. */
async function bundle() {
  const { outputFiles } = await build({
    entryPoints: ['src/frontend/bundle.ts'],
    bundle: true,
    format: 'iife',
    write: false,
    plugins: [{ name: 'timing', setup: ({ onLoad }) => onLoad({ filter: /timing\.ts$/ }, () => ({ contents: timing })) }],
  });
  return outputFiles[0].text;
}

describe('in the browser', { skip: missing, timeout: 300_000 }, () => {
  let chromium;
  let library;
  before(async () => {
    library = await bundle();
    chromium = new Chromium();
  });
  after(() => chromium.close());

  /** Opens a page of an application that uses a Patchbay server at another origin. */
  async function application(t, { path = '/', html = '', script = library } = {}) {
    const app = { polls: 0, looked: () => {}, answer: () => ({ status: 200, json: app.session }) };
    app.session = { id: 's', userId: '1', integrations: ['slack'], expiresAt: new Date(Date.now() + 1_800_000).toISOString(), attempt: null };
    app.host = await listen(t, http.createServer((request, response) => patchbay(app, request, response)), 'localhost');
    app.provider = await listen(t, http.createServer((_, response) =>
      response.writeHead(200, { 'Content-Type': 'text/html', 'Cross-Origin-Opener-Policy': 'same-origin' }).end('<title>provider</title>')));
    app.origin = await listen(t, http.createServer((request, response) => {
      if (request.url === '/connect.js') {
        response.writeHead(200, { 'Content-Type': 'text/javascript' }).end(script);
        return;
      }
      response.writeHead(200, {
        'Content-Type': 'text/html; charset=utf-8',
        'Content-Security-Policy': `default-src 'none'; script-src 'self'; connect-src ${app.host}; require-trusted-types-for 'script'`,
      }).end(`<!doctype html><title>application</title><script src="/connect.js"></script>${html.replaceAll('HOST', app.host)}`);
    }));
    app.page = await chromium.open(app.origin + path);
    t.after(() => app.page.close());
    await app.page.evaluate(`
      window.violations = [];
      addEventListener('securitypolicyviolation', (event) => violations.push(event.violatedDirective));
      window.fetches = 0;
      const native = { fetch: fetch.bind(window), open: open.bind(window) };
      window.open = (...parameters) => (window.popup = native.open(...parameters));
      window.fetch = (...parameters) => { fetches++; return native.fetch(...parameters); };
      window.patchbay = new Patchbay(${JSON.stringify(app.host)}, { sessionToken: 'to/ken?' });
      window.tell = (promise) => promise.then(
        (result) => ({ result }),
        (error) => ({ error: { ...error, isError: error instanceof Error, message: error.message } }));
      window.connect = (options) => {
        const flow = window.flow = patchbay.connect('slack', '1', options);
        window.end = undefined;
        tell(flow).then((end) => { if (flow === window.flow) Object.assign(window, { end, fetchesAtEnd: fetches }); }); // an earlier flow may end later
      }`);
    app.connect = async (options = '') => {
      const popup = await chromium.popup(() => app.page.evaluate(`connect(${options})`));
      await popup.until('document.title === "connect"');
      app.ref = await popup.evaluate('new URLSearchParams(location.search).get("ref")');
      return popup;
    };
    app.attempt = (status, error = null) => { app.session = { ...app.session, attempt: { integration: 'slack', status, error } }; };
    app.end = async () => {
      await app.page.until('window.end !== undefined');
      return app.page.evaluate('window.end');
    };
    /** Waits until the library has looked so many more times. */
    app.looks = (count) => new Promise((resolve, reject) => {
      const enough = app.polls + count;
      const timer = setTimeout(() => reject(new Error(`only ${count - (enough - app.polls)} looks came, expected ${count}`)), 10_000);
      app.looked = () => {
        if (app.polls === enough) {
          clearTimeout(timer);
          resolve();
        }
      };
    });
    /** Asserts that the library asked nothing more after its end, for the time of many looks. */
    app.quiet = async () => {
      await app.page.evaluate('new Promise((resolve) => setTimeout(resolve, 200))');
      assert.deepEqual(await app.page.evaluate('fetches'), await app.page.evaluate('fetchesAtEnd'));
    };
    return app;
  }

  function patchbay(app, request, response) {
    const url = new URL(request.url, app.host);
    if (url.pathname.startsWith('/connect/')) {
      response.writeHead(200, { 'Content-Type': 'text/html', 'Cross-Origin-Opener-Policy': 'unsafe-none' }).end('<title>connect</title>');
      return;
    }
    if (url.pathname !== '/api/v1/connect-sessions/self') {
      response.writeHead(404).end(); // the favicon
      return;
    }
    const cors = { 'Access-Control-Allow-Origin': app.origin, 'Access-Control-Allow-Headers': 'Authorization' };
    if (request.method === 'OPTIONS') {
      response.writeHead(204, cors).end();
      return;
    }
    app.polls++;
    app.looked();
    app.polled = { query: url.search, authorization: request.headers.authorization };
    const answer = app.answer();
    if (answer === null) {
      request.socket.destroy();
    } else if (answer !== 'hangs') {
      response.writeHead(answer.status, { ...cors, 'Content-Type': 'application/json' }).end(JSON.stringify(answer.json ?? {}));
    }
  }

  const post = (app, message) =>
    `opener.postMessage(${JSON.stringify({ integrationName: 'slack', userId: '1', ref: app.ref, ...message })}, ${JSON.stringify(app.origin)})`;
  const failure = (type, message = /./) => (end) => {
    assert.match(end.error.message, message);
    assert.equal(end.error.error.message, end.error.message);
    assert.deepEqual({ ...end.error, message: undefined, error: end.error.error.type },
      { name: 'ConnectError', isError: true, integrationName: 'slack', userId: '1', message: undefined, error: type });
  };
  const cancelled = failure('authorization_cancelled');

  test('a popup tells its result', async (t) => {
    const app = await application(t);
    const popup = await app.connect();
    const address = new URL(await popup.evaluate('location.href'));
    assert.equal(address.origin + address.pathname, `${app.host}/connect/to%2Fken%3F`);
    assert.match(app.ref, /^[0-9a-f]{32}$/);
    assert.deepEqual(Object.fromEntries(address.searchParams), { integration: 'slack', display: 'popup', origin: app.origin, ref: app.ref });
    assert.deepEqual(await popup.evaluate('[outerWidth, outerHeight]'), [500, 600]);

    // What is not for this flow, or not from the server, is not heard.
    await popup.evaluate(post(app, { eventType: 'AUTHORIZATION_SUCCEEDED', ref: 'other' }));
    await app.page.evaluate(`postMessage({ eventType: 'AUTHORIZATION_SUCCEEDED', userId: '1', ref: ${JSON.stringify(app.ref)} })`);
    await app.page.evaluate('postMessage(null)');
    await popup.evaluate(post(app, { eventType: 'SOMETHING_ELSE' }));
    assert.equal(await app.page.evaluate('window.end === undefined'), true);

    await popup.evaluate(post(app, { eventType: 'AUTHORIZATION_SUCCEEDED', claim: 'c1' }));
    assert.deepEqual(await app.end(), { result: { integrationName: 'slack', userId: '1', claim: 'c1' } });
    await app.quiet();
    assert.deepEqual(app.polled, { query: `?ref=${app.ref}`, authorization: 'Bearer to/ken?' });
    assert.deepEqual(await app.page.evaluate('violations'), []);
  });

  test('a popup tells its failure', async (t) => {
    const app = await application(t);
    const popup = await app.connect();
    await popup.evaluate(post(app, { eventType: 'AUTHORIZATION_FAILED', error: { type: 'external_callback_error', message: 'access_denied' } }));
    failure('external_callback_error', /^access_denied$/)(await app.end());
    await app.quiet();
  });

  test('a popup that is closed cancels', async (t) => {
    const app = await application(t);
    await (await app.connect()).close();
    cancelled(await app.end());
    await app.quiet();
  });

  test("a provider's opener policy does not hide the result", async (t) => {
    const app = await application(t);
    await app.page.evaluate('document.hasFocus = () => false'); // the popup has it
    const popup = await app.connect();
    app.attempt('started');
    await popup.go(app.provider);
    await popup.until('document.title === "provider"');
    app.attempt('succeeded');
    assert.deepEqual(await app.end(), { result: { integrationName: 'slack', userId: '1' } });
    await app.quiet();
  });

  test('a failure at the provider is read from the session', async (t) => {
    const app = await application(t);
    await app.connect();
    app.attempt('failed', { type: 'token_retrieval_error', message: 'The provider refused.' });
    failure('token_retrieval_error', /^The provider refused\.$/)(await app.end());
  });

  test('what looks closed at the provider is waited for while this window has no focus', async (t) => {
    const app = await application(t);
    await app.page.evaluate('document.hasFocus = () => false');
    const popup = await app.connect();
    for (const status of ['started', 'consumed', 'pending']) {
      app.attempt(status);
      if (status === 'started') await popup.close();
      await app.looks(25); // which takes longer than the patience
      assert.equal(await app.page.evaluate('window.end === undefined'), true, status);
    }
    await app.page.evaluate('delete document.hasFocus');
    await app.looks(2);
    await app.page.evaluate('document.hasFocus = () => false');
    await app.looks(25);
    assert.equal(await app.page.evaluate('window.end === undefined'), true, 'a short look at this window');
    await app.page.evaluate('delete document.hasFocus');
    cancelled(await app.end());
  });

  test('a connect session that has ended', async (t) => {
    const app = await application(t);
    app.answer = () => ({ status: 401 });
    await app.connect();
    failure('invalid_connect_session', /expired/)(await app.end());
    await app.quiet();
  });

  test('a connect session of another user', async (t) => {
    const app = await application(t);
    const popup = await app.connect();
    await popup.closedBy(() => { app.session = { ...app.session, userId: '2' }; });
    failure('invalid_connect_session', /another user/)(await app.end());
  });

  test('a lost network is waited out', async (t) => {
    const app = await application(t);
    const answer = app.answer;
    const popup = await app.connect();
    const kinds = [null, { status: 502 }, { status: 429 }];
    app.answer = () => kinds[app.polls % 3];
    await app.looks(9); // for longer than a popup that is gone would be waited for
    assert.equal(await app.page.evaluate('window.end === undefined'), true);
    app.attempt('succeeded');
    app.answer = answer;
    assert.ok((await app.end()).result);

    await popup.close();

    for (const kind of [null, 'hangs']) {
      app.answer = () => kind;
      await (await app.connect()).close();
      failure('network_error', /could not be reached/)(await app.end());
      await app.quiet();
    }
  });

  test('a blocked popup', async (t) => {
    const app = await application(t);
    await app.page.evaluate('window.open = () => null');
    assert.equal(await app.page.evaluate('void connect({ popupBlocked: "reject" })'), undefined);
    failure('popup_blocked')(await app.end());
    assert.equal(app.polls, 0);

    await app.page.evaluate('void connect({ returnUrl: location.origin + "/back?a=1" })');
    await app.page.until('document.title === "connect"');
    const query = new URLSearchParams(await app.page.evaluate('location.search'));
    assert.match(query.get('ref'), /^[0-9a-f]{32}$/);
    query.delete('ref');
    assert.deepEqual(Object.fromEntries(query), { integration: 'slack', returnUrl: `${app.origin}/back?a=1` });
  });

  test('a redirect that does not happen ends too', async (t) => {
    const app = await application(t);
    await app.page.evaluate(`window.open = () => null; window.stop(); connect(); window.stop()`);
    cancelled(await app.end());
    await app.quiet();
  });

  test('the result of a redirect', async (t) => {
    const app = await application(t, { path: '/back?a=1&patchbay_status=succeeded&patchbay_integration=slack&patchbay_user_id=a%2Fb&patchbay_ref=r&patchbay_claim=c#top' });
    const read = 'tell(new Promise((resolve) => resolve(Patchbay.redirectResult())))';
    assert.deepEqual(await app.page.evaluate(read), { result: { integrationName: 'slack', userId: 'a/b', claim: 'c' } });
    assert.equal(await app.page.evaluate('location.href'), `${app.origin}/back?a=1#top`);
    assert.deepEqual(await app.page.evaluate(read), { result: null });

    await app.page.go(`${app.origin}/?patchbay_status=failed&patchbay_integration=slack&patchbay_user_id=1&patchbay_error=token_storage_error&patchbay_message=No+room.`);
    await app.page.evaluate('window.tell = (promise) => promise.catch((error) => ({ error: { ...error, isError: error instanceof Error, message: error.message } }))');
    failure('token_storage_error', /^No room\.$/)(await app.page.evaluate(read));
    await app.page.evaluate('history.replaceState(null, "", "?patchbay_status=cancelled&patchbay_integration=slack&patchbay_user_id=1")');
    cancelled(await app.page.evaluate(read));
  });

  test('a second call shares the open popup, and replaces one that is gone', async (t) => {
    const app = await application(t);
    const popup = await app.connect();
    assert.equal(await app.page.evaluate(`patchbay.connect('slack', '1') === flow && new Patchbay(${JSON.stringify(app.host)}, { sessionToken: 'x' }).connect('slack', '1') === flow`), true);
    await app.page.evaluate('document.hasFocus = () => false; void (window.first = tell(flow))'); // the first call does not end by itself
    await popup.close();
    await app.page.until('popup.closed');
    const second = await app.connect();
    failure('authorization_cancelled', /^The authorization was cancelled\.$/)(await app.page.evaluate('first'));
    await second.evaluate(post(app, { eventType: 'AUTHORIZATION_SUCCEEDED' }));
    assert.deepEqual(await app.end(), { result: { integrationName: 'slack', userId: '1' } });
  });

  test('a signal gives up', async (t) => {
    const app = await application(t);
    await app.page.evaluate('window.controller = new AbortController()');
    const popup = await app.connect('{ signal: controller.signal }');
    await popup.closedBy(() => app.page.evaluate('controller.abort(new Error("left"))'));
    cancelled(await app.end());
    assert.equal(await app.page.evaluate('flow.catch((error) => error.cause.message)'), 'left');
    cancelled(await app.page.evaluate('tell(patchbay.connect("slack", "1", { signal: controller.signal }))'));
    await app.quiet();
  });

  test('what is missing is said', async (t) => {
    const app = await application(t);
    const type = (call) => app.page.evaluate(`${call}.catch((error) => error.error.type)`);
    assert.equal(await type('patchbay.connect("", "1")'), 'missing_integration');
    assert.equal(await type('patchbay.connect("slack", "")'), 'missing_user_id');
    assert.equal(await type(`new Patchbay(${JSON.stringify(app.host)}).connect("slack", "1")`), 'invalid_connect_session');
    assert.equal(app.polls, 0);
  });

  test('the element is a button', async (t) => {
    const html = `
      <patchbay-connect id="one" host="HOST" session-token="tok" integration="slack" user-id="1"><a href="HOST/connect/tok">Connect <b>Slack</b></a></patchbay-connect>
      <patchbay-connect id="two" host="HOST" session-token="tok" integration="github" user-id="1"></patchbay-connect>`;
    const app = await application(t, { html, script: readFileSync(new URL('../../../static/connect.js', import.meta.url), 'utf8') });
    const inside = (id) => app.page.evaluate(`${id}.innerHTML`);
    assert.equal(await inside('one'), '<button type="button">Connect <b>Slack</b></button>');
    assert.equal(await inside('two'), '<button type="button">Connect github</button>');
    await app.page.evaluate('document.body.append(one)');
    assert.equal(await inside('one'), '<button type="button">Connect <b>Slack</b></button>', 'moved');

    await app.page.evaluate(`
      window.events = [];
      for (const type of ['patchbay-connected', 'patchbay-error']) addEventListener(type, (event) => events.push([type, event.target.id, event.detail]));
      one.firstChild.focus()`);
    const popup = await chromium.popup(() => app.page.evaluate('one.firstChild.click()'));
    await popup.until('document.title === "connect"');
    assert.deepEqual(await app.page.evaluate('[one.firstChild.disabled, one.firstChild.ariaBusy]'), [true, 'true']);
    await app.page.front();
    await app.page.until('document.activeElement === document.body'); // a disabled button loses the focus
    app.ref = await popup.evaluate('new URLSearchParams(location.search).get("ref")');
    await popup.evaluate(post(app, { eventType: 'AUTHORIZATION_SUCCEEDED' }));
    await app.page.until('events.length === 1');
    assert.deepEqual(await app.page.evaluate('[one.firstChild.disabled, one.firstChild.ariaBusy, document.activeElement === one.firstChild]'), [false, null, true]);

    await (await chromium.popup(() => app.page.evaluate('two.firstChild.click()'))).close();
    await app.page.until('events.length === 2');
    assert.deepEqual(await app.page.evaluate('events'), [
      ['patchbay-connected', 'one', { integrationName: 'slack', userId: '1' }],
      ['patchbay-error', 'two', { integrationName: 'github', userId: '1', error: { type: 'authorization_cancelled', message: 'The window was closed before the authorization was complete.' } }],
    ]);
    assert.deepEqual(await app.page.evaluate('violations'), []);
  });
});
