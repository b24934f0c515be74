import { ConnectError, type ConnectErrorType, type ConnectFault, type ConnectResult } from './error.js';
import { openPopup, sendAway } from './popup.js';
import { readSession, type SessionState } from './session.js';
import { LONGEST_PAUSE_MS, LONGEST_SESSION_MS, PATIENCE_MS, POLL_MS, UNREACHABLE_MS } from './timing.js';

export interface ConnectOptions {
  /** When the browser blocks the popup: leave this page for the flow and come back to it (default), or reject with `popup_blocked`. */
  popupBlocked?: 'redirect' | 'reject';
  /** Where a flow without popup comes back to: a whole address on one of the server's registered origins. Default: the session's returnUrl. */
  returnUrl?: string;
  /** Gives up: closes the popup and rejects with `authorization_cancelled`. */
  signal?: AbortSignal;
}

/** What is to be connected, and by whose right. */
export interface Target {
  root: string;
  token: string;
  integration: string;
  userId: string;
}

/** One run of the connect flow in the browser, from the click to a result. */
export class Flow {
  readonly result: Promise<ConnectResult>;
  readonly #target: Target;
  /** Tells this run from every other, in messages and in attempts. 128 bits. */
  readonly #ref = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
  /** Null while this window itself is sent through the flow. */
  readonly #popup: Window | null;
  #over = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #pause = POLL_MS;
  #deadline = Date.now() + LONGEST_SESSION_MS;
  #missingSince: number | undefined;
  #status: keyof typeof PATIENCE_MS = 'none';
  #quietSince: number | undefined;
  #resolve!: (result: ConnectResult) => void;
  #reject!: (error: ConnectError) => void;

  /** Opens the popup, so it must run in the click itself: browsers block what is opened later. */
  constructor(target: Target, options: ConnectOptions) {
    this.#target = target;
    const listeners = new AbortController();
    this.result = new Promise<ConnectResult>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    }).finally(() => {
      this.#over = true;
      clearTimeout(this.#timer);
      listeners.abort();
    });
    this.#popup = openPopup(target, this.#ref);
    if (!this.#popup) {
      if (options.popupBlocked === 'reject') {
        this.#fail('popup_blocked', 'The browser blocked the window. Allow popups for this site and try again.');
        return;
      }
      this.#status = 'redirected';
      sendAway(target, this.#ref, options.returnUrl);
    }
    addEventListener('message', (event) => this.#hear(event), { signal: listeners.signal });
    options.signal?.addEventListener('abort', () => this.cancel(options.signal?.reason), { signal: listeners.signal });
    void this.#look();
  }

  /** Brings the popup to the front, if this window can still reach it. */
  focus(): boolean {
    if (!this.#popup || this.#popup.closed) {
      return false;
    }
    this.#popup.focus();
    return true;
  }

  cancel(cause?: unknown): void {
    this.#popup?.close();
    this.#fail('authorization_cancelled', 'The authorization was cancelled.', cause);
  }

  /** Takes the message by which the popup's last page tells the result. */
  #hear({ origin, data }: MessageEvent): void {
    if (origin !== new URL(this.#target.root).origin || data?.ref !== this.#ref) {
      return;
    }
    if (data.eventType === 'AUTHORIZATION_SUCCEEDED') {
      this.#succeed(data.userId, data.claim);
    } else if (data.eventType === 'AUTHORIZATION_FAILED') {
      this.#failAs(data.error);
    }
  }

  /** Looks at the popup and the session, and again after a while, until the flow has an end or none is to be expected. */
  async #look(): Promise<void> {
    const gone = !this.#popup || this.#popup.closed; // before the session, so that what is read there comes after it
    const session = await readSession(this.#target.root, this.#target.token, this.#ref);
    if (this.#over) {
      return;
    }
    if (session === 'unreachable') {
      this.#missed(gone);
    } else if (session === 'ended') {
      this.#fail('invalid_connect_session', 'The connect session is unknown, used or expired. Reload the page and try again.');
    } else {
      this.#take(session, gone);
    }
    this.#timer = setTimeout(() => this.#look(), this.#pause);
  }

  /** Bears that the server is out of reach, for as long as the popup may still come to an end. */
  #missed(gone: boolean): void {
    const now = Date.now();
    this.#missingSince ??= now;
    this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE_MS);
    if (now > this.#deadline || (gone && now - this.#missingSince >= UNREACHABLE_MS)) {
      this.#fail('network_error', `${this.#target.root} could not be reached. Check the network, and that ${location.origin} is one of the server's registered origins.`);
    }
  }

  /** Takes what the server says of the session. */
  #take({ userId, expiresAt, attempt }: SessionState, gone: boolean): void {
    this.#missingSince = undefined;
    this.#deadline = Date.parse(expiresAt);
    this.#pause = POLL_MS;
    if (attempt?.status === 'succeeded') {
      this.#succeed(userId);
    } else if (attempt?.status === 'failed') {
      this.#failAs(attempt.error);
    } else if (this.#isOurs(userId) && gone && this.#quietFor(attempt?.status) >= PATIENCE_MS[this.#status]) {
      this.#fail('authorization_cancelled', 'The window was closed before the authorization was complete.');
    }
  }

  /** Milliseconds for which this window has had the focus without any progress of the attempt, now at status. */
  #quietFor(status = this.#status): number {
    const now = Date.now();
    if (status !== this.#status || !document.hasFocus()) {
      this.#quietSince = undefined;
    }
    this.#status = status;
    this.#quietSince ??= document.hasFocus() ? now : undefined;
    return this.#quietSince === undefined ? -1 : now - this.#quietSince;
  }

  #isOurs(userId: string): boolean {
    if (userId !== this.#target.userId) {
      this.#popup?.close(); // its page would go on to connect somebody else
      this.#fail('invalid_connect_session', 'The connect session is that of another user.');
      return false;
    }
    return true;
  }

  #succeed(userId: string, claim?: string): void {
    if (this.#isOurs(userId)) {
      this.#resolve({ integrationName: this.#target.integration, userId, ...(claim && { claim }) });
    }
  }

  #fail(type: ConnectErrorType, message: string, cause?: unknown): void {
    this.#reject(new ConnectError(this.#target.integration, this.#target.userId, { type, message }, cause));
  }

  #failAs(fault: ConnectFault | null | undefined): void {
    this.#fail(fault?.type || 'unknown_external_callback_error', fault?.message || 'The authorization failed.');
  }
}
