import { PatchbayError } from './errors.js';

export type WebhookEventType =
  | 'connection.created' | 'connection.updated' | 'connection.deleted' | 'connection.refreshed'
  | 'connection.needs_reconnect' | 'connection.recovered' | 'webhook.test'
  | (string & {});

/** What the server tells the application's backend. It never holds credentials. */
export interface WebhookEvent {
  /** The same whenever the message is sent again. */
  id: string;
  type: WebhookEventType;
  time: string;
  /** Empty in a test. */
  data: {
    /** Its uuid. */
    connection: string;
    integration: string;
    userId: string;
    /** What changed, or why. */
    detail: string;
  };
}

/** Headers of a request, as Node.js or the Fetch API give them. */
export type WebhookHeaders = Headers | Record<string, string | string[] | undefined>;

/** How far the time of a message may be from now, in seconds, so that an old one cannot be played again. */
const TOLERANCE = 5 * 60;

/**
 * Checks that a request to the application comes from the server, and reads it. `body` has to be as it was received, byte
 * for byte, so not parsed by a framework, and `secret` the one that the endpoint was given when it was made or rolled.
 * `now` is for tests.
 *
 * Rejects with a PatchbayError of the code `webhook_not_verified`; then the request is best answered with status 400.
 * A message may come more than once: its `id` tells.
 */
export async function verifyWebhook(headers: WebhookHeaders, body: string | Uint8Array, secret: string, now: Date = new Date()): Promise<WebhookEvent> {
  const key = keyOf(secret);
  const id = headerOf(headers, 'webhook-id');
  const timestamp = headerOf(headers, 'webhook-timestamp');
  if (id === '' || !/^\d{1,15}$/.test(timestamp)) {
    throw notVerified('it lacks its headers');
  }
  if (Math.abs(now.getTime() / 1000 - Number(timestamp)) > TOLERANCE) {
    throw notVerified('its time is more than 5 minutes from now');
  }
  const text = typeof body === 'string' ? body : new TextDecoder().decode(body);
  const signed = joined(new TextEncoder().encode(`${id}.${timestamp}.`), typeof body === 'string' ? new TextEncoder().encode(body) : body);
  const subtle = await subtleCrypto();
  const imported = await subtle.importKey('raw', key, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify']);
  for (const signature of headerOf(headers, 'webhook-signature').split(' ')) {
    const [version, base64] = signature.split(',');
    const bytes = version === 'v1' && base64 ? decoded(base64) : undefined;
    if (bytes && (await subtle.verify('HMAC', imported, bytes, signed))) { // which compares in constant time
      return parsed(text);
    }
  }
  throw notVerified('no signature fits');
}

function notVerified(why: string): PatchbayError {
  return new PatchbayError('webhook_not_verified', `The webhook is not valid: ${why}.`);
}

function keyOf(secret: string): Uint8Array<ArrayBuffer> {
  const key = decoded(secret.replace(/^whsec_/, ''));
  if (!key || key.length === 0) {
    throw new TypeError('verifyWebhook expects the secret of a webhook endpoint, whsec_ and base64');
  }
  return key;
}

function headerOf(headers: WebhookHeaders, name: string): string {
  if (typeof (headers as Headers).get === 'function') {
    return (headers as Headers).get(name) ?? '';
  }
  const value = (headers as Record<string, string | string[] | undefined>)[name];
  return (Array.isArray(value) ? value[0] : value) ?? '';
}

function decoded(base64: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  } catch {
    return undefined;
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}

function parsed(text: string): WebhookEvent {
  try {
    return JSON.parse(text) as WebhookEvent;
  } catch {
    throw notVerified('it is not JSON');
  }
}

/** Node.js 18 has Web Crypto in a module only. */
async function subtleCrypto(): Promise<SubtleCrypto> {
  if (globalThis.crypto?.subtle) {
    return globalThis.crypto.subtle;
  }
  const module = 'node:crypto'; // a variable, so that no bundler looks for it
  const { webcrypto } = (await import(module)) as { webcrypto: Crypto };
  return webcrypto.subtle;
}
