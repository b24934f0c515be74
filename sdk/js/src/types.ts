import type { WebhookEventType } from './webhooks.js';

/** How an integration authorizes. */
export type AuthMode = 'OAUTH2' | 'OAUTH1' | 'API_KEY' | 'USERNAME_PASSWORD' | 'OAUTH2_CC' | (string & {});

/**
 * `connected`; `expiring`: cannot be refreshed and ends within 24 hours; `needs_reconnect`: the user has to connect
 * again; `error`: the last refresh failed and is tried again; `disabled` by an operator; `pending`: waits for its claim.
 */
export type ConnectionStatus = 'connected' | 'expiring' | 'needs_reconnect' | 'error' | 'disabled' | 'pending' | (string & {});

/** One user of your application, connected to one integration. There is one for each such pair. */
export interface Connection {
  uuid: string;
  integration: string;
  userId: string;
  /** RFC 3339, UTC; as are all times. */
  dateCreated: string;
  lastModified: string;
  authMode: AuthMode;
  status: ConnectionStatus;
  /** A sentence on the status; "" when connected. */
  statusReason: string;
  /** When the access token ends; null when it does not, or nobody knows. */
  expiresAt: string | null;
  refreshable: boolean;
  tags: string[];
  version: number;
  /**
   * What your application keeps for this connection. As any number that JavaScript parses, an integer beyond 2^53
   * loses digits here: `getConnectionConfigText` gives the exact text.
   */
  additionalConfig: Record<string, any>;
}

/** A connection as it was at one version: give its `etag` as `ifMatch` to change that version and no other. */
export interface TaggedConnection extends Connection {
  etag: string;
}

/** What the provider answered, or the credentials as they were given. */
type Raw = Record<string, unknown>;

/** Credentials as a server gives them, told apart by `type`. */
export type Credentials =
  | { type: 'OAUTH2'; access_token: string; refresh_token?: string; expires_at?: string; raw: Raw }
  | { type: 'OAUTH2_CC'; access_token: string; expires_at?: string; raw: Raw }
  | { type: 'OAUTH1'; oauth_token: string; oauth_token_secret: string; raw: Raw }
  | { type: 'API_KEY'; api_key: string; raw: Raw }
  | { type: 'USERNAME_PASSWORD'; username: string; password: string; raw: Raw };

/** Credentials as an application gives them. What else they hold is kept as `raw`. */
export type CredentialsInput =
  | {
      type?: 'OAUTH2';
      access_token: string;
      refresh_token?: string;
      /** RFC 3339, or seconds since 1970. */
      expires_at?: string | number;
      /** Seconds from now; instead of expires_at. */
      expires_in?: number;
      [key: string]: unknown;
    }
  | { type?: 'OAUTH1'; oauth_token: string; oauth_token_secret: string; [key: string]: unknown }
  | { type?: 'API_KEY'; api_key: string; [key: string]: unknown }
  | { type?: 'USERNAME_PASSWORD'; username: string; password: string; [key: string]: unknown }
  | { type: 'OAUTH2_CC'; [key: string]: unknown };

export interface ConnectionCredentials {
  uuid: string;
  integration: string;
  userId: string;
  credentials: Credentials;
}

export interface ConnectionFilter {
  userId?: string;
  integration?: string;
  status?: ConnectionStatus;
  tag?: string;
  /** Searches user ids, uuids, integrations and tags. */
  q?: string;
  /** Default: -created, the newest first. */
  sort?: 'created' | '-created' | 'modified' | '-modified';
  /** Connections a page, 1–500, default 50. */
  limit?: number;
}

export interface ConnectionsPage {
  connections: Connection[];
  /** Of the next page; "" at the end. */
  nextCursor: string;
  /** How many match in all, if `count` was asked for. */
  total?: number;
}

export interface DeletedConnection {
  uuid: string;
  integration: string;
  userId: string;
  /** Whether the provider ended the token too. */
  revocation: 'revoked' | 'unsupported' | 'retrying' | 'failed';
  message: string;
}

/** An integration: the definition with the keys of `integrations.yaml`, and what the server knows of it. Secrets are never shown. */
export interface Integration {
  name: string;
  source: 'file' | 'database' | 'sandbox';
  callbackUrl: string;
  /** Why it cannot be used; "" when it can. */
  problem: string;
  /** How many connections it has. */
  connections: number;
  [key: string]: unknown;
}

/** The keys of an integration in `integrations.yaml`, and its name. */
export interface IntegrationDefinition {
  name: string;
  [key: string]: unknown;
}

/** An entry of the catalogue that an integration can extend. */
export interface Provider {
  name: string;
  version: string;
  displayName: string;
  docsUrl: string;
  /** Where an OAuth client is registered at the provider. */
  consoleUrl: string;
  setupNotes: string;
  [key: string]: unknown;
}

export interface ConnectSessionInput {
  userId: string;
  /** How the connect page names the user, such as an email address. */
  userLabel?: string;
  /** Those that may be connected; default: all. */
  integrations?: string[];
  /** Where a connect flow without a popup ends; on one of the server's registered origins. */
  returnUrl?: string;
  /** Keep a new connection pending until your backend redeems the claim that its browser brings: see redeemClaim. */
  confirm?: boolean;
  /** Seconds, 60–86400, default 1800. */
  expiresIn?: number;
}

export interface NewConnectSession {
  id: string;
  /** For the browser library, and for nobody but this user. */
  token: string;
  /** The page where the user connects, to link to instead of using the browser library. */
  url: string;
  expiresAt: string;
}

export interface ConnectAttempt {
  integration: string;
  /** `started`: at the provider; `consumed`: back, its tokens are fetched; `pending`: waits for its claim. */
  status: 'started' | 'consumed' | 'pending' | 'succeeded' | 'failed';
  error: { type: string; message: string } | null;
}

export interface ConnectSession {
  id: string;
  userId: string;
  userLabel: string;
  integrations: string[];
  returnUrl: string;
  confirm: boolean;
  expiresAt: string;
  attempts: ConnectAttempt[];
}

export interface AuditFilter {
  /** uuid of a connection. */
  connection?: string;
  integration?: string;
  limit?: number;
  cursor?: string;
}

export interface AuditEntry {
  id: number;
  time: string;
  actor: string;
  action: string;
  integration: string;
  userId: string;
  connectionUuid: string;
  ip: string;
  requestId: string;
  /** What was changed, as text; "" where nothing was before. Secrets are not told. */
  before: string;
  after: string;
}

export interface EventFilter {
  type?: EventType;
  limit?: number;
  cursor?: string;
}

export type EventType =
  | 'connection.created' | 'connection.updated' | 'connection.deleted' | 'connection.refreshed'
  | 'connection.needs_reconnect' | 'connection.recovered'
  | (string & {});

export interface Event {
  id: number;
  type: EventType;
  time: string;
  connectionUuid: string;
  integration: string;
  userId: string;
  detail: string;
}

/** An endpoint of your application that is told of events. */
export interface Webhook {
  id: string;
  url: string;
  description: string;
  /** The only types it is told of; all where empty. */
  types: EventType[];
  /** The only integrations it is told of; all where empty. */
  integrations: string[];
  enabled: boolean;
  /** Why the server disabled it; "" where a person did. */
  disabledReason: string;
  /** Since when everything sent to it has failed; null where it has not. */
  failingSince: string | null;
  dateCreated: string;
  lastModified: string;
}

/** A webhook endpoint whose secret is new. */
export interface WebhookWithSecret extends Webhook {
  /** For verifyWebhook. It cannot be asked for again. */
  secret: string;
}

export interface WebhookInput {
  /** An address of https or http. Private ones have to be allowed by the server's settings. */
  url: string;
  /** At most 200 bytes. */
  description?: string;
  /** Those that it is told of; default: all, and those to come. */
  types?: EventType[];
  /** Those that it is told of; default: all, and those to come. */
  integrations?: string[];
}

/** What becomes of an endpoint; what is absent stays. */
export interface WebhookChange extends Partial<WebhookInput> {
  enabled?: boolean;
}

/** One message for one endpoint, with how its last try went. */
export interface WebhookDelivery {
  id: string;
  /** The `id` of its WebhookEvent. */
  messageId: string;
  type: WebhookEventType;
  /** `failed` after its last try; `cancelled` because the endpoint was disabled. */
  status: 'pending' | 'delivered' | 'failed' | 'cancelled' | (string & {});
  tries: number;
  dateCreated: string;
  lastTry: string | null;
  /** null once it is over. */
  nextTry: string | null;
  /** Of the last answer; 0 where there was none. */
  httpStatus: number;
  /** Of the last try. */
  durationMs: number;
  /** Why the last try failed. */
  error: string;
  /** The beginning of the last answer. */
  excerpt: string;
}
