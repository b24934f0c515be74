// A real Chromium, driven by the DevTools protocol over a pipe.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Why the tests that need a browser cannot run, or false. In CI, PATCHBAY_TEST_ALL=1, nothing is skipped. */
export const missing = process.env.PATCHBAY_TEST_ALL !== '1' && spawnSync('chromium', ['--version']).error
  ? 'needs chromium: apt-get install chromium'
  : false;

/** How long a page may take to come to what a test waits for. */
const PATIENCE_MS = 10_000;

export class Chromium {
  #process;
  #profile = mkdtempSync(join(tmpdir(), 'patchbay-sdk-'));
  #pending = new Map();
  #listeners = new Set();
  #id = 0;

  constructor() {
    this.#process = spawn('chromium', [
      '--headless=new', '--remote-debugging-pipe', '--no-first-run', '--disable-background-networking', '--disable-component-update',
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1', `--user-data-dir=${this.#profile}`,
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
    ], { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
    let rest = '';
    this.#process.stdio[4].setEncoding('utf8').on('data', (chunk) => {
      const messages = (rest + chunk).split('\0');
      rest = messages.pop();
      messages.forEach((message) => this.#receive(JSON.parse(message)));
    });
  }

  #receive({ id, result, error, ...event }) {
    if (id === undefined) {
      this.#listeners.forEach((listener) => listener(event));
      return;
    }
    const { resolve, reject } = this.#pending.get(id);
    this.#pending.delete(id);
    error ? reject(new Error(error.message)) : resolve(result);
  }

  call(method, params = {}, sessionId = undefined) {
    const id = ++this.#id;
    this.#process.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return new Promise((resolve, reject) => this.#pending.set(id, { resolve, reject }));
  }

  /** Gives the next event that `pick` makes something of. */
  next(pick) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => { this.#listeners.delete(listener); reject(new Error(`no event: ${pick}`)); }, PATIENCE_MS);
      const listener = (event) => {
        const picked = pick(event);
        if (picked) {
          clearTimeout(timer);
          this.#listeners.delete(listener);
          resolve(picked);
        }
      };
      this.#listeners.add(listener);
    });
  }

  /** Opens a window that shares nothing with others, at `url`. */
  async open(url) {
    await this.call('Target.setDiscoverTargets', { discover: true });
    const { browserContextId } = await this.call('Target.createBrowserContext');
    const { targetId } = await this.call('Target.createTarget', { url: 'about:blank', browserContextId, newWindow: true });
    const page = await this.#attach(targetId);
    await page.go(url);
    return page;
  }

  async #attach(targetId) {
    const { sessionId } = await this.call('Target.attachToTarget', { targetId, flatten: true });
    await this.call('Page.enable', {}, sessionId);
    return new Page(this, targetId, sessionId);
  }

  /** Does what opens a popup and gives the popup. */
  async popup(act) {
    const created = this.next(({ method, params }) => method === 'Target.targetCreated' && params.targetInfo.openerId && params.targetInfo.type === 'page' && params.targetInfo.targetId);
    await act();
    return this.#attach(await created);
  }

  async close() {
    const ended = new Promise((resolve) => this.#process.once('exit', resolve));
    await this.call('Browser.close');
    await ended;
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

export class Page {
  constructor(browser, targetId, sessionId) {
    Object.assign(this, { browser, targetId, sessionId });
  }

  async go(url) {
    const loaded = this.browser.next(({ method, sessionId }) => method === 'Page.loadEventFired' && sessionId === this.sessionId);
    await this.browser.call('Page.navigate', { url }, this.sessionId);
    await loaded;
  }

  /** Evaluates an expression, awaits what it gives, as in a click if `userGesture`. */
  async evaluate(expression, { userGesture = true } = {}) {
    const { result, exceptionDetails } = await this.browser.call('Runtime.evaluate',
      { expression, userGesture, awaitPromise: true, returnByValue: true }, this.sessionId);
    if (exceptionDetails) {
      throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    }
    return result.value;
  }

  /** Waits until the expression is true; while the page is on its way, it is not. */
  async until(expression) {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      if (await this.evaluate(expression).catch(() => false)) {
        return;
      }
      if (Date.now() > deadline) {
        throw new Error(`never came true: ${expression}\nat ${await this.evaluate('location.href')}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Brings the window before the others, where it is drawn. */
  front() {
    return this.browser.call('Page.bringToFront', {}, this.sessionId);
  }

  /** Waits until the page closes the window that `act` makes it close. */
  async closedBy(act) {
    const gone = this.browser.next(({ method, params }) => method === 'Target.targetDestroyed' && params.targetId === this.targetId);
    await act();
    await gone;
  }

  /** Closes the window as a person does. */
  close() {
    return this.browser.call('Target.closeTarget', { targetId: this.targetId });
  }
}
