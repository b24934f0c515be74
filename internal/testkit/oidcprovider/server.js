// A strict OpenID Provider on a free loopback port. Arguments: client id, client secret, redirect URI. It prints its
// port on the first line once it listens, and ends when its standard input does.
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const [client_id, client_secret, redirect_uri] = process.argv.slice(2);

const configuration = {
  clients: [{
    client_id,
    client_secret,
    redirect_uris: [redirect_uri],
    grant_types: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_method: 'client_secret_basic',
  }],
  claims: { openid: ['sub'], email: ['email'] },
  findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id, email: `${id}@example.com` }) }),
  pkce: { required: () => true },
  rotateRefreshToken: true,
  ttl: { AccessToken: 120, AuthorizationCode: 60, Grant: 3600, IdToken: 120, Interaction: 600, RefreshToken: 3600, Session: 3600 },
  features: {
    devInteractions: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
    userinfo: { enabled: true },
  },
  cookies: { keys: ['for tests only'] },
};

// The issuer names the port, so the port has to be known before the provider is.
let handle;
const server = createServer((request, response) => handle(request, response));
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address();
  handle = new Provider(`http://127.0.0.1:${port}`, configuration).callback();
  console.log(port);
});
process.stdin.resume().on('end', () => process.exit());
