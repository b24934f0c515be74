import { segment, text } from './address.js';
import { Transport, type CallOptions, type Call, type ClientOptions, type PostOptions, type UpdateOptions } from './transport.js';
import type {
  AuditEntry, AuditFilter, ConnectSession, ConnectSessionInput, Connection, ConnectionCredentials, ConnectionFilter,
  ConnectionsPage, CredentialsInput, DeletedConnection, Event, EventFilter, Integration, IntegrationDefinition,
  NewConnectSession, Provider, TaggedConnection, Webhook, WebhookChange, WebhookDelivery, WebhookInput, WebhookWithSecret,
} from './types.js';

/** The most that one page may hold. */
const LARGEST_PAGE = 500;

/**
 * A Patchbay server, for your backend: whoever has the API key has everyone's connections.
 *
 * Promises reject with a `PatchbayError`. Calls that fail in passing are tried three times. Objects that are given are
 * never changed.
 */
export class Patchbay {
  readonly #transport: Transport;

  constructor(options: ClientOptions) {
    this.#transport = new Transport(options);
  }

  /** Creates a connection. Refused with `connection_exists` when there is one: see updateConnectionCredentials. */
  async registerConnection(
    integration: string,
    userId: string,
    credentials: CredentialsInput,
    additionalConfig?: object,
    options: PostOptions & { tags?: string[] } = {},
  ): Promise<TaggedConnection> {
    const { tags, ...call } = options;
    return this.#connectionOf('POST', '/connections', { ...call, body: { integration, userId, credentials, additionalConfig, tags } });
  }

  /** Replaces the configuration whole, and leaves the credentials alone. */
  async updateConnectionConfig(integration: string, userId: string, additionalConfig: object, options: UpdateOptions = {}): Promise<TaggedConnection> {
    return this.#connectionOf('PUT', connectionPath(integration, userId, '/config'), { ...options, body: additionalConfig });
  }

  /** Changes the keys that are given; null removes one (JSON merge patch, RFC 7396). */
  async patchConnectionConfig(integration: string, userId: string, patch: object, options: UpdateOptions = {}): Promise<TaggedConnection> {
    return this.#connectionOf('PATCH', connectionPath(integration, userId, '/config'), { ...options, body: patch });
  }

  /** Replaces the credentials, and leaves the configuration alone. A connection that needed a reconnect is well again. */
  async updateConnectionCredentials(integration: string, userId: string, credentials: CredentialsInput, options: UpdateOptions = {}): Promise<TaggedConnection> {
    return this.#connectionOf('PUT', connectionPath(integration, userId, '/credentials'), { ...options, body: credentials });
  }

  /** Gives all connections of a user, `[]` if there are none. */
  async getConnectionsForUserId(userId: string, options: CallOptions = {}): Promise<Connection[]> {
    return this.#all({ userId: text('userId', userId) }, options);
  }

  /** Gives all connections of an integration, `[]` if there are none. See listConnections for one by one. */
  async getConnectionsForIntegration(integration: string, options: CallOptions = {}): Promise<Connection[]> {
    return this.#all({ integration: text('integration', integration) }, options);
  }

  /** Runs an action for a user and gives what its `executeAction` returned. */
  async triggerAction<Result = unknown>(integration: string, action: string, userId: string, input: unknown = null, options: PostOptions = {}): Promise<Result> {
    const path = connectionPath(integration, userId, `/actions/${segment('action', action)}`);
    const { result } = await this.#transport.json<{ result: Result }>('POST', path, { ...options, body: input });
    return result;
  }

  async getConnection(integration: string, userId: string, options: CallOptions = {}): Promise<TaggedConnection> {
    return this.#connectionOf('GET', connectionPath(integration, userId), options);
  }

  /** Gives additionalConfig as the JSON text that is stored, to the letter. */
  async getConnectionConfigText(integration: string, userId: string, options: CallOptions = {}): Promise<string> {
    const answer = await this.#transport.send('GET', connectionPath(integration, userId, '/config'), options);
    return answer.text;
  }

  /**
   * Gives credentials that are fresh: an access token about to end is refreshed first. `minTtl` is the number of seconds
   * that it must still live, `forceRefresh` refreshes in any case, and `rejectedToken`, an access token that the provider's
   * API has just answered with 401, is refreshed unless it has been replaced already. Refused with `needs_reconnect` when
   * the user has to connect again.
   */
  async getCredentials(integration: string, userId: string, options: CallOptions & { minTtl?: number; forceRefresh?: boolean; rejectedToken?: string } = {}): Promise<ConnectionCredentials> {
    const { minTtl, forceRefresh, rejectedToken, ...call } = options;
    const rejected = rejectedToken === undefined ? undefined : await sha256(rejectedToken);
    return this.#transport.json('GET', connectionPath(integration, userId, '/credentials'), { ...call, query: { minTtl, forceRefresh, rejected } });
  }

  /** Goes through all connections that match, page by page as they are needed. */
  async *listConnections(filter: ConnectionFilter = {}, options: CallOptions = {}): AsyncGenerator<Connection, void, void> {
    let cursor: string | undefined;
    do {
      const page: ConnectionsPage = await this.getConnectionsPage({ ...filter, ...(cursor && { cursor }) }, options);
      yield* page.connections;
      cursor = page.nextCursor;
    } while (cursor);
  }

  /** Gives one page of the connections that match; with `count`, also how many there are in all. */
  async getConnectionsPage(filter: ConnectionFilter & { cursor?: string; count?: boolean } = {}, options: CallOptions = {}): Promise<ConnectionsPage> {
    return this.#transport.json('GET', '/connections', { ...options, query: { ...filter } });
  }

  /** Replaces the tags. */
  async setConnectionTags(integration: string, userId: string, tags: string[], options: CallOptions = {}): Promise<TaggedConnection> {
    return this.#connectionOf('PUT', connectionPath(integration, userId, '/tags'), { ...options, body: tags });
  }

  /** Refreshes the access token now. */
  async refreshConnection(integration: string, userId: string, options: PostOptions = {}): Promise<TaggedConnection> {
    return this.#connectionOf('POST', connectionPath(integration, userId, '/refresh'), options);
  }

  async enableConnection(integration: string, userId: string, options: PostOptions = {}): Promise<TaggedConnection> {
    return this.#connectionOf('POST', connectionPath(integration, userId, '/enable'), options);
  }

  /** Keeps the connection, but gives its credentials to nobody until it is enabled. */
  async disableConnection(integration: string, userId: string, options: PostOptions = {}): Promise<TaggedConnection> {
    return this.#connectionOf('POST', connectionPath(integration, userId, '/disable'), options);
  }

  /** Deletes the connection, revokes its token at the provider, and says whether that worked. */
  async deleteConnection(integration: string, userId: string, options: CallOptions = {}): Promise<DeletedConnection> {
    return this.#transport.json('DELETE', connectionPath(integration, userId), options);
  }

  async getIntegrations(options: CallOptions = {}): Promise<Integration[]> {
    const { integrations } = await this.#transport.json<{ integrations: Integration[] }>('GET', '/integrations', options);
    return integrations;
  }

  async getIntegration(name: string, options: CallOptions = {}): Promise<Integration> {
    return this.#transport.json('GET', `/integrations/${segment('name', name)}`, options);
  }

  async createIntegration(definition: IntegrationDefinition, options: PostOptions = {}): Promise<Integration> {
    return this.#transport.json('POST', '/integrations', { ...options, body: definition });
  }

  /** Changes the keys that are given; null removes one (JSON merge patch, RFC 7396). */
  async updateIntegration(name: string, patch: object, options: CallOptions = {}): Promise<Integration> {
    return this.#transport.json('PATCH', `/integrations/${segment('name', name)}`, { ...options, body: patch });
  }

  /** Deletes an integration. Refused with `integration_in_use` while it has connections. */
  async deleteIntegration(name: string, options: CallOptions = {}): Promise<void> {
    return this.#transport.json('DELETE', `/integrations/${segment('name', name)}`, options);
  }

  async getProviders(options: CallOptions = {}): Promise<Provider[]> {
    const { providers } = await this.#transport.json<{ providers: Provider[] }>('GET', '/providers', options);
    return providers;
  }

  async getProvider(name: string, options: CallOptions = {}): Promise<Provider> {
    return this.#transport.json('GET', `/providers/${segment('name', name)}`, options);
  }

  /** Lets one user connect in the browser: give the token to the browser library, or link to the url. */
  async createConnectSession(session: ConnectSessionInput, options: PostOptions = {}): Promise<NewConnectSession> {
    return this.#transport.json('POST', '/connect-sessions', { ...options, body: session });
  }

  /** Gives a connect session by its id or its token, with the attempts made so far. */
  async getConnectSession(idOrToken: string, options: CallOptions = {}): Promise<ConnectSession> {
    return this.#transport.json('GET', `/connect-sessions/${segment('idOrToken', idOrToken)}`, options);
  }

  async deleteConnectSession(idOrToken: string, options: CallOptions = {}): Promise<void> {
    return this.#transport.json('DELETE', `/connect-sessions/${segment('idOrToken', idOrToken)}`, options);
  }

  /**
   * Completes a connection that was asked for with `confirm`. `userId` is the user who is signed in to your application
   * in the browser that brought the claim: another one is refused with `forbidden`.
   */
  async redeemClaim(claim: string, userId: string, options: PostOptions = {}): Promise<TaggedConnection> {
    return this.#connectionOf('POST', '/connect-sessions/claim', { ...options, body: { claim, userId } });
  }

  /** Gives one page of the audit log, the newest first. `nextCursor` is "" at the end. */
  async audit(filter: AuditFilter = {}, options: CallOptions = {}): Promise<{ entries: AuditEntry[]; nextCursor: string }> {
    return this.#transport.json('GET', '/audit', { ...options, query: { ...filter } });
  }

  /** Gives one page of events, the oldest first. `nextCursor` is always there: keep it, and go on from it later. */
  async events(filter: EventFilter = {}, options: CallOptions = {}): Promise<{ events: Event[]; nextCursor: string }> {
    return this.#transport.json('GET', '/events', { ...options, query: { ...filter } });
  }

  async getWebhooks(options: CallOptions = {}): Promise<Webhook[]> {
    const { webhooks } = await this.#transport.json<{ webhooks: Webhook[] }>('GET', '/webhooks', options);
    return webhooks;
  }

  async getWebhook(id: string, options: CallOptions = {}): Promise<Webhook> {
    return this.#transport.json('GET', webhookPath(id), options);
  }

  /** Makes an endpoint that is told of events, and gives it with its secret, which cannot be asked for again: see verifyWebhook. */
  async createWebhook(webhook: WebhookInput, options: PostOptions = {}): Promise<WebhookWithSecret> {
    return this.#transport.json('POST', '/webhooks', { ...options, body: webhook });
  }

  /** Changes the keys that are given. An endpoint that is disabled is told of nothing; what it was still to be sent is given up. */
  async updateWebhook(id: string, change: WebhookChange, options: CallOptions = {}): Promise<Webhook> {
    return this.#transport.json('PATCH', webhookPath(id), { ...options, body: change });
  }

  /** Deletes an endpoint with its deliveries. */
  async deleteWebhook(id: string, options: CallOptions = {}): Promise<void> {
    return this.#transport.json('DELETE', webhookPath(id), options);
  }

  /** Gives an endpoint a new secret. For 24 hours messages are signed with the old one, too. */
  async rollWebhookSecret(id: string, options: PostOptions = {}): Promise<WebhookWithSecret> {
    return this.#transport.json('POST', webhookPath(id, '/roll-secret'), options);
  }

  /** Sends an event of the type `webhook.test`, whatever the filters of the endpoint are. Refused with `webhook_disabled` where it is. */
  async testWebhook(id: string, options: PostOptions = {}): Promise<WebhookDelivery> {
    return this.#transport.json('POST', webhookPath(id, '/test'), options);
  }

  /** Goes through the deliveries to an endpoint, the newest first, page by page as they are needed. They are kept for 31 days. */
  async *listWebhookDeliveries(id: string, options: CallOptions = {}): AsyncGenerator<WebhookDelivery, void, void> {
    let cursor: string | undefined;
    do {
      const query = { limit: LARGEST_PAGE, cursor };
      const page: DeliveriesPage = await this.#transport.json('GET', webhookPath(id, '/deliveries'), { ...options, query });
      yield* page.deliveries;
      cursor = page.nextCursor;
    } while (cursor);
  }

  /**
   * Sends the message of a delivery again, with the same `messageId`. While it is still being tried, its next try is brought
   * forward; otherwise it becomes a delivery of its own. Refused with `webhook_disabled` where the endpoint is.
   */
  async redeliverWebhook(webhookId: string, deliveryId: string, options: PostOptions = {}): Promise<WebhookDelivery> {
    return this.#transport.json('POST', webhookPath(webhookId, `/deliveries/${segment('deliveryId', deliveryId)}/redeliver`), options);
  }

  async #all(filter: ConnectionFilter, options: CallOptions): Promise<Connection[]> {
    const all: Connection[] = [];
    for await (const connection of this.listConnections({ ...filter, limit: LARGEST_PAGE }, options)) {
      all.push(connection);
    }
    return all;
  }

  async #connectionOf(method: string, path: string, call: Call): Promise<TaggedConnection> {
    const { value, etag } = await this.#transport.tagged<Connection>(method, path, call);
    return { ...value, etag };
  }
}

function connectionPath(integration: string, userId: string, rest = ''): string {
  return `/connections/${segment('integration', integration)}/${segment('userId', userId)}${rest}`;
}

function webhookPath(id: string, rest = ''): string {
  return `/webhooks/${segment('id', id)}${rest}`;
}

type DeliveriesPage = { deliveries: WebhookDelivery[]; nextCursor: string };

/** Hashes a token, so that it never stands in an address. */
async function sha256(token: string): Promise<string> {
  const sum = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(token));
  return Array.from(new Uint8Array(sum), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
