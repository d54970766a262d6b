/**
 * The provider itself: authorization code flow with PKCE for known clients, ES256, no consent page, all in
 * memory.
 */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import type Provider from 'oidc-provider'
import type { Accounts } from './accounts.ts'

const SCOPES = 'openid profile email'
const MINUTE = 60

/** Loads the library, which takes time: called only when somebody logs in. */
export async function createProvider(issuer: string, accounts: Accounts): Promise<Provider> {
  const { default: OpenIdProvider } = await import('oidc-provider')
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const provider: Provider = new OpenIdProvider(issuer, {
    clients: accounts.clients.map(({ id, secret, redirectUri }) => ({
      client_id: id,
      client_secret: secret,
      redirect_uris: [redirectUri],
      token_endpoint_auth_method: 'client_secret_basic',
      id_token_signed_response_alg: 'ES256',
    })),
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'ES256' }] },
    enabledJWA: { idTokenSigningAlgValues: ['ES256'] },
    cookies: { keys: [randomBytes(32).toString('base64url')] },
    claims: {
      openid: ['sub'],
      email: ['email', 'email_verified'],
      profile: ['name', 'personal_code', 'duty'],
    },
    pkce: { required: () => true },
    ttl: {
      Interaction: 10 * MINUTE,
      Session: 10 * MINUTE,
      Grant: 10 * MINUTE,
      AccessToken: 5 * MINUTE,
      IdToken: 5 * MINUTE,
    },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_: unknown, { uid }: { uid: string }) => `/sign-in/${uid}` },
    findAccount: (_: unknown, subject: string) => {
      const person = accounts.find(subject)
      if (person === undefined) return undefined
      const { name, email, code, duty } = person
      const claims = { sub: subject, name, email, email_verified: true, personal_code: code, duty }
      return { accountId: subject, claims: () => claims }
    },
    // Its clients belong to this instance, so logging in counts as consent.
    loadExistingGrant: async (context: Context) => {
      const { client, session } = context.oidc
      const grant = new provider.Grant({ accountId: session.accountId, clientId: client.clientId })
      grant.addOIDCScope(SCOPES)
      await grant.save()
      return grant
    },
  })
  return provider
}

type Context = { oidc: { client: { clientId: string }; session: { accountId: string } } }
