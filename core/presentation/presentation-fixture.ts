/** For tests only: a verifier, its request, and the case that an answer makes. */
import { type KeyObject, randomBytes, sign } from 'node:crypto'
import {
  bake,
  caExtensions,
  commonName,
  general,
  type KeyPair,
  keyUsage,
  newKey,
  subjectAltName,
} from '#core/certificate/certificate-fixture.ts'
import type { ResponseMode } from './asked.ts'
import type { Query } from './dcql/query.ts'
import type { JsonObject } from './json.ts'
import { makeRequest, signRequest, type Verifier } from './make-request.ts'
import type { EcJwk } from './thumbprint.ts'

type TestVerifier = Verifier & { key: KeyPair; anchorDer: Buffer }

export function testVerifier(prefix: Verifier['prefix'] = 'x509_hash'): TestVerifier {
  const [root, key] = [newKey(), newKey()]
  const issuer = commonName('relying parties')
  const anchorDer = bake({ subject: issuer, key: root, extensions: caExtensions(), keyIdentifiers: true })
  const leaf = bake({
    subject: commonName('verifier'),
    issuer,
    key,
    signer: root,
    extensions: [keyUsage(0x80), subjectAltName(general.dns('verifier.example'))],
    keyIdentifiers: true,
  })
  return {
    ...{ chain: [leaf], prefix, key, anchorDer },
    sign: async (bytes) => sign('sha256', bytes, { key: key.privateKey, dsaEncoding: 'ieee-p1363' }),
  }
}

/** Whoever reads records in tests: lists may be a day old. */
export const READER = { maxStatusAgeSeconds: 86_400 }

export type TestRequest = { claims: JsonObject; token: string; decryptionKey: KeyObject | undefined }

/** A request of that verifier, made ten seconds before `at`. */
export async function testRequest(
  verifier: TestVerifier,
  query: Query,
  at: Date,
  changes: { mode?: ResponseMode; nonce?: string; transactionData?: string[]; walletNonce?: string } = {},
): Promise<TestRequest> {
  const { mode: responseMode = 'direct_post.jwt', transactionData = [] } = changes
  const pair = responseMode === 'direct_post.jwt' ? newKey() : undefined
  const claims = makeRequest(verifier, {
    query,
    nonce: changes.nonce ?? randomBytes(32).toString('base64url'),
    state: randomBytes(16).toString('base64url'),
    responseUri: 'https://verifier.example/wallet/response/1',
    responseMode,
    ...(pair === undefined ? {} : { encryptionKey: pair.publicKey.export({ format: 'jwk' }) as EcJwk }),
    transactionData,
    issuedAt: new Date(at.getTime() - 10_000),
    expiresAt: new Date(at.getTime() + 290_000),
  })
  const token = await signRequest(verifier, claims, changes.walletNonce)
  return { claims, token, decryptionKey: pair?.privateKey }
}
