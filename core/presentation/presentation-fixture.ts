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
import type { RefusalReason } from '#schemas/presentation.ts'
import type { ResponseMode } from './asked.ts'
import type { Query } from './dcql/query.ts'
import type { JsonObject } from './json.ts'
import { judge as judgeAnswer } from './judge.ts'
import { makeRequest, signRequest, type Verifier } from './make-request.ts'
import { Refused } from './refused.ts'
import type { EcJwk } from './thumbprint.ts'

type TestVerifier = Verifier & { key: KeyPair; anchorDer: Buffer }

export function testVerifier(
  prefix: Verifier['prefix'] = 'x509_hash',
  validity: { notBefore?: Date; notAfter?: Date } = {},
): TestVerifier {
  const [root, key] = [newKey(), newKey()]
  const issuer = commonName('relying parties')
  const anchor = { subject: issuer, key: root, extensions: caExtensions(), keyIdentifiers: true }
  const anchorDer = bake({ ...anchor, ...validity })
  const leaf = bake({
    subject: commonName('verifier'),
    issuer,
    key,
    signer: root,
    extensions: [keyUsage(0x80), subjectAltName(general.dns('verifier.example'))],
    keyIdentifiers: true,
    ...validity,
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

/** The reasons of refusals that this process has seen thrown. */
const seen = new Set<RefusalReason>()

/** The reason with which `read` refuses, or `accepted`. */
export function reasonOf(read: () => unknown): string {
  try {
    read()
    return 'accepted'
  } catch (thrown) {
    if (!(thrown instanceof Refused)) throw thrown
    seen.add(thrown.reason)
    return thrown.reason
  }
}

/** As the verifier's own; what it refuses is counted. */
export function judge(...given: Parameters<typeof judgeAnswer>): ReturnType<typeof judgeAnswer> {
  const judged = judgeAnswer(...given)
  if (judged.refusal !== undefined) seen.add(judged.refusal.reason)
  return judged
}

/**
 * Which test file of this room has to see which reason thrown. Each file checks its own; one checks that none
 * is left out.
 */
export const REASONS: Record<string, RefusalReason[]> = {
  trust: [
    'credential_type_mismatch',
    'algorithm_refused',
    'digest_mismatch',
    'issuer_untrusted',
    'presentation_malformed',
    'credential_revoked',
    'credential_suspended',
    'status_unavailable',
    'status_unknown',
    'status_missing',
    'status_list_untrusted',
  ],
  forged: [
    'record_differs',
    'verifier_untrusted',
    'request_signature_invalid',
    'record_malformed',
    'status_list_expired',
    'request_ended',
    'persons_differ',
    'presentation_unasked',
    'transaction_ended',
  ],
  record: ['claim_missing', 'claim_value_mismatch', 'presentation_missing'],
  presentation: [
    'key_binding_nonce_mismatch',
    'device_signature_invalid',
    'key_binding_signature_invalid',
    'issuer_signature_invalid',
    'key_binding_digest_mismatch',
    'key_binding_audience_mismatch',
    'key_binding_too_old',
    'key_binding_in_future',
    'credential_expired',
    'credential_not_yet_valid',
    'trust_anchor_in_chain',
    'issuer_chain_malformed',
    'key_binding_malformed',
    'status_out_of_range',
    'status_list_malformed',
    'transaction_data_mismatch',
    'key_binding_missing',
  ],
  hostile: [
    'disclosure_unreferenced',
    'disclosure_repeated',
    'disclosure_forbidden',
    'disclosure_malformed',
    'holder_key_missing',
    'disclosures_too_many',
    'answer_undecipherable',
    'state_mismatch',
    'answer_malformed',
    'answer_not_encrypted',
    'wallet_refused',
    'answer_too_large',
    'device_signature_missing',
  ],
}

/** The reasons that `file` had to see by now and has not. */
export function unseen(file: string): RefusalReason[] {
  return REASONS[file]!.filter((reason) => !seen.has(reason))
}
