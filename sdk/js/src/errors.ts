/** One fault of a request: where it is, and what was expected there. */
export interface FieldError {
  field: string;
  message: string;
  /** Of a fault in a JSON text, from 1. */
  line?: number;
  column?: number;
}

/**
 * Codes of {@link PatchbayError}. The last three are the library's own; the others are the server's, and a newer
 * server may know more.
 */
export type ErrorCode =
  | 'malformed_body' | 'invalid_cursor' | 'invalid_header' | 'unauthenticated' | 'forbidden'
  | 'not_found' | 'unknown_connection' | 'unknown_integration' | 'unknown_action' | 'unknown_provider'
  | 'method_not_allowed'
  | 'connection_exists' | 'stale_version' | 'connection_disabled' | 'idempotency_in_progress'
  | 'integration_exists' | 'integration_managed' | 'integration_in_use' | 'webhook_disabled' | 'webhook_limit'
  | 'payload_too_large'
  | 'invalid_body' | 'invalid_parameter' | 'invalid_config' | 'invalid_credentials' | 'invalid_user_id' | 'invalid_tags'
  | 'invalid_integration' | 'invalid_webhook' | 'invalid_return_url' | 'unsupported_auth_mode' | 'not_refreshable' | 'idempotency_key_reused'
  | 'needs_reconnect' | 'too_many_requests' | 'action_failed' | 'action_timeout'
  | 'internal' | 'unavailable' | 'refresh_failed' | 'refresh_timeout'
  | 'network_error' | 'unexpected_response' | 'webhook_not_verified'
  | (string & {});

export interface PatchbayErrorInit {
  status?: number;
  fields?: FieldError[];
  requestId?: string;
  retryAfter?: number | undefined;
  cause?: unknown;
}

/** What every promise of the library rejects with, except when its signal is aborted: then it is the signal's reason. */
export class PatchbayError extends Error {
  override readonly name = 'PatchbayError';
  readonly code: ErrorCode;
  /** HTTP status, or 0 when there was no answer: nothing was sent, or nobody was reached. */
  readonly status: number;
  /** The faults one by one, where there are several or they have a place. */
  readonly fields: FieldError[];
  /** Finds the request in the server's log; "" without an answer. */
  readonly requestId: string;
  /** Seconds that the server asked to wait before the next try. */
  readonly retryAfter: number | undefined;

  constructor(code: ErrorCode, message: string, init: PatchbayErrorInit = {}) {
    super(message, init.cause === undefined ? undefined : { cause: init.cause });
    this.code = code;
    this.status = init.status ?? 0;
    this.fields = init.fields ?? [];
    this.requestId = init.requestId ?? '';
    this.retryAfter = init.retryAfter;
  }
}

/** The error of an answer that is not 2xx: the one it tells, or one that says what came instead. */
export function errorOf(response: Response, text: string, host: string): PatchbayError {
  const init = {
    status: response.status,
    requestId: response.headers.get('X-Request-Id') ?? '',
    retryAfter: secondsUntil(response.headers.get('Retry-After')),
  };
  const told = toldBy(text);
  if (told) {
    return new PatchbayError(told.code, told.message, { ...init, fields: told.fields ?? [], requestId: told.requestId || init.requestId });
  }
  if (response.status >= 300 && response.status < 400) {
    const target = /^https?:\/\/[^/?#]+/.exec(response.headers.get('Location') ?? '')?.[0] ?? 'another page';
    return new PatchbayError('unexpected_response', `${host} redirects to ${target}, where the API key is not sent. Give the server's own address as host.`, init);
  }
  return unexpected(host, init);
}

/** The error of an answer that no Patchbay server gives. */
export function unexpected(host: string, init: PatchbayErrorInit): PatchbayError {
  return new PatchbayError('unexpected_response', `${host} answered ${init.status} with something other than Patchbay's JSON. Is it the right host, and is the server behind its proxy running?`, init);
}

type Told = { code: string; message: string; fields?: FieldError[]; requestId?: string };

function toldBy(text: string): Told | undefined {
  try {
    const { error } = JSON.parse(text);
    return typeof error.code === 'string' && typeof error.message === 'string' ? error : undefined;
  } catch {
    return undefined;
  }
}

/** Reads Retry-After (RFC 9110 §10.2.3): seconds, or a date. */
function secondsUntil(retryAfter: string | null): number | undefined {
  if (!retryAfter) {
    return undefined;
  }
  const seconds = /^\d+$/.test(retryAfter) ? Number(retryAfter) : (Date.parse(retryAfter) - Date.now()) / 1000;
  return Number.isNaN(seconds) ? undefined : Math.max(0, seconds);
}
