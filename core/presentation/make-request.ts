/**
 * Makes the request object that a wallet fetches: claims by OpenID4VP 1.0 with HAIP 1.0, signed as a JAR (RFC
 * 9101). Nonce, key and times are handed in.
 */
import { createHash } from 'node:crypto'
import type { EncryptionJwk, ResponseMode } from './asked.ts'
import type { Query } from './dcql/query.ts'
import type { JsonObject } from './json.ts'
import { ENCRYPTIONS } from './jwe.ts'
import { type EcJwk, thumbprintOf } from './thumbprint.ts'

/**
 * The verifier that asks. Its certificate comes first; the trust anchor does not stand in the chain (HAIP
 * 1.0).
 */
export type Verifier = {
  chain: Buffer[]
  /** By the certificate's digest, which HAIP wants, or by a name in it. */
  prefix: 'x509_hash' | { dnsName: string }
  /** ES256 over the bytes: r and s, 64 octets. The key may be in hardware. */
  sign(bytes: Buffer): Promise<Buffer>
}

type RequestRecipe = {
  query: Query
  nonce: string
  state: string
  responseUri: string
  responseMode: ResponseMode
  /** The public half of a key made for this request alone. */
  encryptionKey?: EcJwk
  transactionData?: string[]
  issuedAt: Date
  expiresAt: Date
}

/** JOSE's ES256 is bound to its curve; COSE's -7 is not, -9 is. */
const FORMATS = {
  'dc+sd-jwt': {
    'sd-jwt_alg_values': ['ES256', 'ES384', 'ES512'],
    'kb-jwt_alg_values': ['ES256', 'ES384', 'ES512'],
  },
  mso_mdoc: { issuerauth_alg_values: [-7, -9, -35, -36], deviceauth_alg_values: [-7, -9, -35, -36] },
}

/** The client identifier with its prefix (OpenID4VP 5.9.3). */
function clientIdOf({ chain, prefix }: Pick<Verifier, 'chain' | 'prefix'>): string {
  if (prefix !== 'x509_hash') return `x509_san_dns:${prefix.dnsName}`
  return `x509_hash:${createHash('sha256').update(chain[0]!).digest('base64url')}`
}

/**
 * The claims of a request. They stay as they are however often it is fetched; only a wallet's own nonce is
 * added.
 */
export function makeRequest(verifier: Pick<Verifier, 'chain' | 'prefix'>, recipe: RequestRecipe): JsonObject {
  const { query, nonce, state, responseUri, responseMode, encryptionKey, transactionData } = recipe
  if ((encryptionKey !== undefined) !== (responseMode === 'direct_post.jwt'))
    throw new TypeError('an encrypted answer needs a key, another needs none')
  const asked = new Set(query.credentials.map(({ format }) => format))
  const formats = Object.entries(FORMATS).filter(([format]) => asked.has(format as keyof typeof FORMATS))
  return {
    client_id: clientIdOf(verifier),
    response_type: 'vp_token',
    response_mode: responseMode,
    response_uri: responseUri,
    aud: 'https://self-issued.me/v2',
    ...{ nonce, state },
    iat: seconds(recipe.issuedAt),
    exp: seconds(recipe.expiresAt),
    dcql_query: query,
    client_metadata: {
      ...(encryptionKey === undefined ? {} : encryptionMetadata(encryptionKey)),
      vp_formats_supported: Object.fromEntries(formats),
    },
    ...(transactionData === undefined || transactionData.length === 0
      ? {}
      : { transaction_data: transactionData }),
  }
}

/** The JAR. `walletNonce` is what the wallet sent when it fetched the request by POST. */
export async function signRequest(
  verifier: Verifier,
  claims: JsonObject,
  walletNonce?: string,
): Promise<string> {
  const x5c = verifier.chain.map((der) => der.toString('base64'))
  const header = { alg: 'ES256', typ: 'oauth-authz-req+jwt', x5c }
  const payload = walletNonce === undefined ? claims : { ...claims, wallet_nonce: walletNonce }
  const signed = `${encode(header)}.${encode(payload)}`
  const signature = await verifier.sign(Buffer.from(signed, 'ascii'))
  return `${signed}.${signature.toString('base64url')}`
}

function encryptionMetadata(key: EcJwk): JsonObject {
  const kid = thumbprintOf(key).toString('base64url')
  const { kty, crv, x, y } = key
  const jwk: EncryptionJwk = { kty, crv, x, y, use: 'enc', alg: 'ECDH-ES', kid }
  return { jwks: { keys: [jwk] }, encrypted_response_enc_values_supported: Object.keys(ENCRYPTIONS) }
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function seconds(at: Date): number {
  return Math.floor(at.getTime() / 1000)
}
