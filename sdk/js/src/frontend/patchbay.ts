import { parseRoot } from '../root.js';
import { ConnectError, type ConnectErrorType, type ConnectResult } from './error.js';
import { Flow, type ConnectOptions } from './flow.js';
import { redirectResult } from './redirect.js';

export interface PatchbayOptions {
  /** Token of the connect session that your backend made for the user who is signed in; without one, `connect` rejects. */
  sessionToken?: string;
}

/** The flows of this page that have no end yet, by what they connect. */
const running = new Map<string, Flow>();

/** A Patchbay server, for the browser: lets the user of a connect session connect an integration. */
export class Patchbay {
  static readonly redirectResult = redirectResult;

  readonly #root: string;
  readonly #token: string;

  /** `host` is the public root of the server, such as `https://patchbay.example.com`. */
  constructor(host: string, { sessionToken = '' }: PatchbayOptions = {}) {
    this.#root = parseRoot(host);
    this.#token = sessionToken;
  }

  /**
   * Connects an integration for the user, in a popup. Call it in the click itself, without awaiting anything before:
   * browsers block a popup that comes later. While the popup of an earlier call for the same integration and user is
   * open, that popup comes to the front, and its result is given. Rejects with a {@link ConnectError}; always ends.
   */
  connect(integration: string, userId: string, options: ConnectOptions = {}): Promise<ConnectResult> {
    const refuse = (type: ConnectErrorType, message: string, cause?: unknown) =>
      Promise.reject(new ConnectError(integration, userId, { type, message }, cause));
    if (!integration) {
      return refuse('missing_integration', 'connect was called without the name of an integration.');
    }
    if (!userId) {
      return refuse('missing_user_id', 'connect was called without a user id.');
    }
    if (!this.#token) {
      return refuse('invalid_connect_session', 'There is no connect session. Your backend makes one with createConnectSession.');
    }
    if (options.signal?.aborted) {
      return refuse('authorization_cancelled', 'The authorization was cancelled.', options.signal.reason);
    }
    const key = JSON.stringify([this.#root, integration, userId]);
    const earlier = running.get(key);
    if (earlier?.focus()) {
      return earlier.result;
    }
    earlier?.cancel();
    const flow = new Flow({ root: this.#root, token: this.#token, integration, userId }, options);
    running.set(key, flow);
    const forget = () => { if (running.get(key) === flow) running.delete(key); };
    flow.result.then(forget, forget);
    return flow.result;
  }
}
