// Compiled, never run: the public types as an application uses them.
import { Patchbay, PatchbayError, type Connection, type Credentials, type TaggedConnection, type Webhook, type WebhookDelivery } from 'patchbay';
import { ConnectError, Patchbay as Frontend, defineConnectElement, type ConnectResult } from 'patchbay/frontend';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(_: Same<A, B>): void => {};

export async function backend(patchbay: Patchbay): Promise<void> {
  const registered = await patchbay.registerConnection('slack', '1', { access_token: 'x', team: { id: 'T1' } }, { channelId: 'C1' }, { tags: ['vip'] });
  same<typeof registered, TaggedConnection>(true);
  await patchbay.registerConnection('mail', '1', { type: 'API_KEY', api_key: 'x' });
  await patchbay.registerConnection('crm', '1', { username: 'a', password: 'b' });
  // @ts-expect-error credentials of no auth mode
  await patchbay.registerConnection('slack', '1', { token: 'x' });
  // @ts-expect-error the configuration is an object
  await patchbay.updateConnectionConfig('slack', '1', 'text');

  interface Config { channelId: string }
  const config: Config = { channelId: 'C1' };
  await patchbay.updateConnectionConfig('slack', '1', config, { ifMatch: registered.etag, signal: AbortSignal.timeout(1000) });
  const channel: string = registered.additionalConfig.channelId;

  same<Awaited<ReturnType<Patchbay['getConnectionsForUserId']>>, Connection[]>(true);
  same<Awaited<ReturnType<Patchbay['getConnectionsForIntegration']>>, Connection[]>(true);
  for await (const connection of patchbay.listConnections({ status: 'needs_reconnect' })) {
    same<typeof connection, Connection>(true);
  }
  // @ts-expect-error no such order
  patchbay.listConnections({ sort: 'name' });
  // @ts-expect-error connections never hold credentials
  registered.credentials;

  const { ok } = await patchbay.triggerAction<{ ok: boolean }>('slack', 'notify', '1', { msg: channel });
  same<typeof ok, boolean>(true);
  const sent = await patchbay.triggerAction('slack', 'notify', '1', { msg: 'hi' });
  same<typeof sent, unknown>(true);

  const { credentials } = await patchbay.getCredentials('slack', '1', { minTtl: 60 });
  authorization(credentials);
  const { token, url } = await patchbay.createConnectSession({ userId: '1', integrations: ['slack'], confirm: true });
  same<typeof token, string>(true);
  same<typeof url, string>(true);
}

export async function webhooks(patchbay: Patchbay): Promise<string> {
  const { id, secret } = await patchbay.createWebhook({ url: 'https://app.example.com/hook', types: ['connection.needs_reconnect'] });
  const changed = await patchbay.updateWebhook(id, { enabled: false });
  same<typeof changed, Webhook>(true);
  // @ts-expect-error only a new secret is told
  changed.secret;
  // @ts-expect-error an endpoint has an address
  await patchbay.createWebhook({ description: 'Billing' });
  for await (const delivery of patchbay.listWebhookDeliveries(id)) {
    same<typeof delivery, WebhookDelivery>(true);
    if (delivery.status === 'failed') await patchbay.redeliverWebhook(id, delivery.id, { idempotencyKey: delivery.id });
  }
  return secret;
}

function authorization(credentials: Credentials): string {
  switch (credentials.type) {
    case 'OAUTH2':
    case 'OAUTH2_CC':
      return `Bearer ${credentials.access_token}`;
    case 'API_KEY':
      return credentials.api_key;
    case 'USERNAME_PASSWORD':
      return btoa(`${credentials.username}:${credentials.password}`);
    case 'OAUTH1':
      return credentials.oauth_token;
  }
}

export function codes(error: unknown): string {
  if (error instanceof PatchbayError && error.code === 'connection_exists') {
    return `${error.status} ${error.requestId} ${error.fields.map(({ field, line }) => `${field}:${line ?? ''}`)}`;
  }
  return '';
}

export async function browser(button: HTMLElement): Promise<void> {
  const patchbay = new Frontend('https://patchbay.example.com', { sessionToken: 'token' });
  const back: ConnectResult | null = Frontend.redirectResult();
  try {
    const { integrationName, userId, claim } = await patchbay.connect('slack', '1', { popupBlocked: 'reject', returnUrl: location.href });
    same<typeof claim, string | undefined>(true);
    void [back, integrationName, userId];
  } catch (error) {
    if (error instanceof ConnectError && error.error.type !== 'authorization_cancelled') {
      button.textContent = `${error.integrationName}: ${error.error.message}`;
    }
  }
  defineConnectElement();
  button.addEventListener('patchbay-connected', ({ detail }) => same<typeof detail, ConnectResult>(true));
  new Frontend('https://patchbay.example.com');
}

// @ts-expect-error both are needed
new Patchbay({ host: 'https://patchbay.example.com' });
