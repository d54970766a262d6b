/**
 * Verifies one presented SD-JWT VC: who issued it, what it says, and that its holder signed for this request.
 */
import type { Asked } from '../asked.ts'
import { type CredentialQuery, typesOf } from '../dcql/query.ts'
import { isObject, type JsonObject } from '../json.ts'
import { isSignedWith, keyOfJwk } from '../jws.ts'
import { need } from '../refused.ts'
import { readStatusReference } from '../status-list.ts'
import { type EcJwk, thumbprintOf } from '../thumbprint.ts'
import { readX5c, type TrustedIssuer, verifyIssuer } from '../trusted-issuers.ts'
import type { VerifiedCredential } from '../verified-credential.ts'
import { digestOf, disclose } from './disclose.ts'
import { splitSdJwt } from './split-sd-jwt.ts'
import { verifyKeyBinding } from './verify-key-binding.ts'

/** Issuers' clocks. */
const SKEW_SECONDS = 60

/** The verified credential with all its claims. Its status is not looked at yet. */
export function verifySdJwt(q: {
  presented: string
  query: CredentialQuery
  asked: Asked
  issuers: TrustedIssuer[]
  at: Date
}): VerifiedCredential {
  const { query, asked, at } = q
  const { issued, disclosures, bound, keyBinding } = splitSdJwt(q.presented)
  const { header, payload } = issued
  // The draft's former name is refused, as HAIP 1.0 says.
  need(header.typ === 'dc+sd-jwt', 'presentation_malformed', 'typ')
  need(typeof payload.vct === 'string', 'presentation_malformed', 'vct')
  need(typesOf(query).includes(payload.vct), 'credential_type_mismatch')
  const chain = readX5c(header.x5c)
  const question = { chain, type: payload.vct, format: query.format, issuers: q.issuers, at }
  const { issuer, key, path } = verifyIssuer(question)
  need(isSignedWith(issued, key), 'issuer_signature_invalid')
  const { claims, disclosed } = disclose(payload, disclosures)
  verifyValidity(claims, at)
  const holder = holderOf(claims)
  const binding = { token: keyBinding, bound, digest: digestOf(payload), asked, credentialId: query.id, at }
  const { signedAt, transactions } = verifyKeyBinding({
    ...binding,
    key: keyOfJwk(holder, 'holder_key_missing'),
  })
  return {
    ...{ id: query.id, format: query.format, type: payload.vct, issuer, path, claims, disclosed },
    holderKey: thumbprintOf(holder).toString('base64url'),
    signedAt,
    transactions,
    status: readStatusReference(claims.status),
  }
}

function verifyValidity({ nbf, exp, iat }: JsonObject, at: Date): void {
  const now = at.getTime() / 1000
  for (const one of [nbf, exp, iat])
    need(one === undefined || typeof one === 'number', 'presentation_malformed', 'a time')
  if (typeof exp === 'number') need(now < exp, 'credential_expired')
  if (typeof nbf === 'number') need(now >= nbf - SKEW_SECONDS, 'credential_not_yet_valid')
  if (typeof iat === 'number') need(now >= iat - SKEW_SECONDS, 'credential_not_yet_valid')
}

/** RFC 7800: the holder's key by value. It needs no more than the members that make it. */
function holderOf({ cnf }: JsonObject): EcJwk & JsonObject {
  need(isObject(cnf) && isObject(cnf.jwk), 'holder_key_missing')
  const { kty, crv, x, y, d } = cnf.jwk
  need(kty === 'EC' && typeof crv === 'string' && d === undefined, 'holder_key_missing')
  need(typeof x === 'string' && typeof y === 'string', 'holder_key_missing')
  return { kty, crv, x, y }
}
