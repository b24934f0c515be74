import { queryString, type Query } from './address.js';
import { PatchbayError, errorOf, unexpected } from './errors.js';
import { parseRoot } from './root.js';

/** How often one call is tried. */
const TRIES = 3;
/** The first wait between tries in milliseconds; each further one may be twice as long. */
const FIRST_WAIT_MS = 500;
/** The longest wait that a server may ask for. A longer one is the caller's to decide on: see PatchbayError.retryAfter. */
const MAX_WAIT_MS = 60_000;

export interface ClientOptions {
  /** Public root of the server, such as `https://patchbay.example.com`. */
  host: string;
  /** A key of the server, made under "API keys" in the dashboard or with `patchbay apikey create`. */
  apiKey: string;
  /** Replaces the global `fetch`, for instance to go through a proxy. */
  fetch?: typeof fetch;
  /** Replaces the wait between two tries, for tests. Rejects when the signal is aborted. */
  sleep?: (ms: number, signal?: AbortSignal) => Promise<void>;
}

export interface CallOptions {
  /** Ends the call, also between two tries. The promise then rejects with the signal's reason. */
  signal?: AbortSignal;
}

export interface PostOptions extends CallOptions {
  /** 1–255 visible ASCII characters. The server answers the same key and body the same for 24 hours; default: a random one for each call. */
  idempotencyKey?: string;
}

export interface UpdateOptions extends CallOptions {
  /** The `etag` of the connection that the change was made from. When it changed since, the call is refused with `stale_version`. */
  ifMatch?: string;
}

export interface Call extends PostOptions, UpdateOptions {
  query?: Query;
  body?: unknown;
}

export interface Answer {
  status: number;
  text: string;
  etag: string;
}

/** Sends calls to the API, tries them again where that is safe, and gives their failures as {@link PatchbayError}. */
export class Transport {
  readonly host: string;
  // Private fields are seen neither by JSON.stringify nor by what prints objects.
  readonly #apiKey: string;
  readonly #fetch: typeof fetch;
  readonly #sleep: NonNullable<ClientOptions['sleep']>;

  constructor(options: ClientOptions) {
    this.host = parseRoot(options.host);
    if (typeof options.apiKey !== 'string' || !isVisibleASCII(options.apiKey)) {
      throw new TypeError('Patchbay: apiKey must be a key of the server: visible ASCII characters, without white space around them');
    }
    this.#apiKey = options.apiKey;
    this.#fetch = options.fetch ?? ((input, init) => fetch(input, init));
    this.#sleep = options.sleep ?? sleep;
  }

  /** Gives what the JSON of the answer says, or undefined for an answer without content. */
  async json<T>(method: string, path: string, call: Call = {}): Promise<T> {
    const { value } = await this.tagged<T>(method, path, call);
    return value;
  }

  /** The same together with the answer's ETag. */
  async tagged<T>(method: string, path: string, call: Call = {}): Promise<{ value: T; etag: string }> {
    const { status, text, etag } = await this.send(method, path, call);
    try {
      return { value: text === '' ? undefined : JSON.parse(text), etag };
    } catch {
      throw unexpected(this.host, { status });
    }
  }

  /** Gives the text of a 2xx answer. */
  async send(method: string, path: string, call: Call = {}): Promise<Answer> {
    const url = `${this.host}/api/v1${path}${queryString(call.query ?? {})}`;
    const init = this.#request(method, call);
    for (let tries = 1; ; tries++) {
      const answer = await this.#once(url, init);
      if (!(answer instanceof PatchbayError)) {
        return answer;
      }
      const wait = waitBefore(answer, tries);
      if (tries === TRIES || wait > MAX_WAIT_MS || !mayRepeat(method, call, answer)) {
        throw answer;
      }
      await this.#sleep(wait, call.signal);
    }
  }

  #request(method: string, call: Call): RequestInit {
    const headers: Record<string, string> = { Accept: 'application/json', Authorization: `Bearer ${this.#apiKey}` };
    const init: RequestInit = { method, headers, redirect: 'manual' };
    if ('body' in call) {
      headers['Content-Type'] = 'application/json';
      init.body = encodeBody(call.body);
    }
    if (method === 'POST') {
      headers['Idempotency-Key'] = headerValue('idempotencyKey', call.idempotencyKey ?? randomKey());
    }
    if (call.ifMatch !== undefined) {
      headers['If-Match'] = headerValue('ifMatch', call.ifMatch);
    }
    if (call.signal) {
      init.signal = call.signal;
    }
    return init;
  }

  /** Tries once. Failures that may pass are given, not thrown. */
  async #once(url: string, init: RequestInit): Promise<Answer | PatchbayError> {
    try {
      const response = await this.#fetch(url, init);
      const text = await response.text();
      return response.ok
        ? { status: response.status, text, etag: response.headers.get('ETag') ?? '' }
        : errorOf(response, text, this.host);
    } catch (error) {
      init.signal?.throwIfAborted();
      return new PatchbayError('network_error', `${this.host} could not be reached: ${reasonOf(error)}`, { cause: error });
    }
  }
}

/**
 * Tells whether the same request may be sent again. 429 and 503 say that nothing was done; so does
 * idempotency_in_progress, which comes when our own first try is still being worked on. After any other failure that
 * may pass, the request may have been carried out: sending it again is right where that changes nothing, which the
 * Idempotency-Key ensures for POST; a DELETE or a conditional update would be told that its target is gone or stale.
 */
function mayRepeat(method: string, call: Call, error: PatchbayError): boolean {
  switch (error.status) {
    case 429:
    case 503:
      return true;
    case 409:
      return error.code === 'idempotency_in_progress';
    case 0:
    case 500:
    case 502:
    case 504:
      return method !== 'DELETE' && call.ifMatch === undefined;
    default:
      return false;
  }
}

/** Milliseconds before the next try: as the server asks, or longer each time, at random so that clients spread out. */
function waitBefore(error: PatchbayError, tries: number): number {
  return error.retryAfter === undefined
    ? FIRST_WAIT_MS * 2 ** (tries - 1) * (0.5 + Math.random() / 2)
    : error.retryAfter * 1000;
}

function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal?.addEventListener('abort', stop, { once: true });
    if (signal?.aborted) {
      stop();
    }
  });
}

function encodeBody(body: unknown): string {
  let reason = `${typeof body} is no JSON value`;
  try {
    const json = JSON.stringify(body);
    if (json !== undefined) {
      return json;
    }
  } catch (error) {
    reason = reasonOf(error); // a circle, or a BigInt
  }
  throw new PatchbayError('invalid_body', `The value cannot be sent as JSON: ${reason}`);
}

function headerValue(field: string, value: string): string {
  if (isVisibleASCII(value)) {
    return value;
  }
  const message = 'must be visible ASCII characters';
  throw new PatchbayError('invalid_header', `${field} ${message}`, { fields: [{ field, message }] });
}

function isVisibleASCII(value: string): boolean {
  return /^[\x21-\x7e]+$/.test(value);
}

/** Unique is enough; Node 18 has no global crypto. */
function randomKey(): string {
  return globalThis.crypto?.randomUUID?.() ?? Array.from({ length: 3 }, () => Math.random().toString(36).slice(2)).join('-');
}

/** Says why fetch failed. It hides the reason in its cause. */
function reasonOf(error: unknown): string {
  const { cause, message } = error as { cause?: { message?: string; code?: string }; message?: string };
  return cause?.message || cause?.code || message || String(error);
}
