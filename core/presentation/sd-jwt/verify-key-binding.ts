/**
 * The holder's proof: a JWT over this request, this verifier and exactly these disclosures (RFC 9901 4.3,
 * OpenID4VP B.3).
 */
import { createHash, type KeyObject } from 'node:crypto'
import type { Asked } from '../asked.ts'
import { isTexts, type JsonObject } from '../json.ts'
import { isSignedWith, readJws } from '../jws.ts'
import { need } from '../refused.ts'
import { hashOfTransaction } from '../transaction-data.ts'

/** How far a wallet's clock may be off. */
const SKEW_SECONDS = 120

/** When the holder signed, and which transactions. Each check refuses with a reason of its own. */
export function verifyKeyBinding(q: {
  token: string
  bound: string
  digest: string
  key: KeyObject
  asked: Asked
  credentialId: string
  at: Date
}): { signedAt: Date; transactions: string[] } {
  const { asked } = q
  const jws = readJws(q.token, 'key_binding_malformed')
  need(jws.header.typ === 'kb+jwt', 'key_binding_malformed', 'typ')
  need(isSignedWith(jws, q.key), 'key_binding_signature_invalid')
  const { nonce, aud, iat, sd_hash: digest, exp, nbf } = jws.payload
  need(nonce === asked.nonce, 'key_binding_nonce_mismatch')
  need(aud === asked.clientId, 'key_binding_audience_mismatch')
  need(typeof iat === 'number' && Number.isSafeInteger(iat), 'key_binding_malformed', 'iat')
  const now = q.at.getTime() / 1000
  need(iat >= asked.issuedAt.getTime() / 1000 - SKEW_SECONDS, 'key_binding_too_old')
  need(iat <= now + SKEW_SECONDS, 'key_binding_in_future')
  if (exp !== undefined) need(typeof exp === 'number' && exp > now, 'key_binding_too_old', 'exp')
  if (nbf !== undefined)
    need(typeof nbf === 'number' && nbf <= now + SKEW_SECONDS, 'key_binding_in_future', 'nbf')
  const expected = createHash(q.digest).update(q.bound, 'ascii').digest('base64url')
  need(digest === expected, 'key_binding_digest_mismatch')
  const transactions = readTransactionHashes(asked, q.credentialId, jws.payload)
  return { signedAt: new Date(iat * 1000), transactions }
}

/**
 * The hashes that the holder signed: none that nobody asked this credential for. Whether all are signed is
 * seen over all credentials.
 */
function readTransactionHashes(asked: Asked, credentialId: string, payload: JsonObject): string[] {
  const { transaction_data_hashes: hashes, transaction_data_hashes_alg: algorithm } = payload
  if (hashes === undefined) return []
  const allowed = asked.transactionData
    .filter(({ credentialIds }) => credentialIds.includes(credentialId))
    .map(({ text }) => hashOfTransaction(text))
  need(algorithm === 'sha-256', 'transaction_data_mismatch', 'transaction_data_hashes_alg')
  need(isTexts(hashes) && hashes.length > 0, 'transaction_data_mismatch', 'transaction_data_hashes')
  need(
    hashes.every((one) => allowed.includes(one)),
    'transaction_data_mismatch',
    'nobody asked for it',
  )
  return hashes
}
