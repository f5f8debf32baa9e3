// A real OpenID provider for tests: `node provider.mjs PORT REDIRECT_URI…`, on 127.0.0.1.
//
// Anybody signs in under any name with any password; POST /test/… says in which groups somebody is, makes a new
// signing key, and mints tokens that no provider would give.

import { createServer } from 'node:http';
import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import Provider from 'oidc-provider';

const [port, ...redirects] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const groups = new Map();
const resources = { 'urn:mlflow': 'mlflow', 'urn:other': 'other' };

function freshKey() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), use: 'sig', alg: 'RS256' };
}

const groupsOf = (name) => groups.get(name) ?? [];

function provider(keys) {
  const made = new Provider(issuer, {
    jwks: { keys },
    cookies: { keys: ['only for tests'] },
    clients: [
      {
        client_id: 'countersign', client_secret: 'between us', redirect_uris: redirects,
        grant_types: ['authorization_code'], response_types: ['code'],
      },
      {
        client_id: 'notebook', token_endpoint_auth_method: 'none', redirect_uris: [`${issuer}/nowhere`],
        grant_types: ['authorization_code'], response_types: ['code'], application_type: 'native',
      },
      ...['ci-bot', 'other-bot'].map((client_id) => ({
        client_id, client_secret: 'a machine', redirect_uris: [], response_types: [],
        grant_types: ['client_credentials'],
      })),
    ],
    claims: { openid: ['sub'], profile: ['preferred_username', 'groups'] },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: id, preferred_username: id, groups: groupsOf(id) }),
    }),
    extraTokenClaims: (_, token) =>
      token.accountId ? { preferred_username: token.accountId, groups: groupsOf(token.accountId).join(' ') } : {},
    features: {
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_, resource) => ({
          scope: 'registry', audience: resources[resource], accessTokenFormat: 'jwt',
          accessTokenTTL: 3600, jwt: { sign: { alg: 'RS256' } },
        }),
        useGrantedResource: () => true,
      },
    },
    pkce: { required: () => true },
    ttl: { ClientCredentials: 3600, AccessToken: 3600, IdToken: 3600, Session: 3600, Grant: 3600, Interaction: 600 },
  });
  made.on('server_error', (_, error) => console.error(error));
  return made;
}

let keys = [freshKey()];
let handle = provider(keys).callback();

function minted({ claims, header }) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const [key] = keys;
  const signed = `${part({ alg: 'RS256', kid: key.kid, ...header })}.${part({ iss: issuer, ...claims })}`;
  return `${signed}.${sign('sha256', Buffer.from(signed), { key, format: 'jwk' }).toString('base64url')}`;
}

const orders = {
  '/test/groups': ({ name, groups: of }) => { groups.set(name, of); return {}; },
  '/test/rotate': () => { keys = [freshKey()]; handle = provider(keys).callback(); return {}; },
  '/test/mint': (wanted) => ({ token: minted(wanted) }),
};

async function ordered(request, response, order) {
  let body = '';
  for await (const chunk of request) body += chunk;
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify(order(JSON.parse(body || '{}'))));
}

createServer((request, response) => {
  const order = orders[request.url];
  return order ? ordered(request, response, order) : handle(request, response);
}).listen(Number(port), '127.0.0.1', () => console.log(`${issuer} is up`));
