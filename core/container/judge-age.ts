/**
 * Judges the age of a proof (EN 319 102-1 section 5.6). A time-stamp counts while its authority's certificate
 * and its algorithms do. After that it counts only if newer evidence proves that it existed before. A
 * signature must have been time-stamped while its own algorithms counted.
 */
import { type Certificate, publicKeyOf } from '#core/certificate/certificate.ts'
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import { digestEnd, keyEnd } from '#core/evidence-bundle/validation-policy.ts'
import { stampEnd } from '#core/evidence-record/verify-evidence-record.ts'
import { revocationOf } from '#core/signature/check-status.ts'
import type { CheckedSignature } from '#core/signature/checked-signature.ts'
import type { TimeStamp } from '#core/timestamp/verify-token.ts'
import { type Said, say } from '#schemas/said.ts'
import type { Judgement } from './judge-fault.ts'

/**
 * Why a time-stamp is in doubt, or undefined. `existed`: the latest time at which the token is proved to have
 * existed already; now if no newer evidence proves it.
 */
export function judgeStampAge(q: {
  stamp: TimeStamp
  existed: Date
  /**
   * Of the instances by which the stamp counts: no other registry has a say in whether its authority was
   * revoked.
   */
  approving: readonly ConfigurationIndex[]
  ocspResponses: readonly Buffer[]
  now: Date
}): Judgement | undefined {
  const { stamp, existed } = q
  const made = day(stamp.time)
  const revoked = revokedSince(q)
  if (revoked !== undefined && revoked <= existed) {
    return doubt(
      'REVOKED_NO_POE',
      say`the certificate of the time-stamp of ${made} was revoked on ${day(revoked)}`,
    )
  }
  const end = stampEnd(stamp)
  if (existed.getTime() <= end.time) return undefined
  return end.cause === 'certificate'
    ? doubt(
        'OUT_OF_BOUNDS_NO_POE',
        say`the certificate of the time-stamp of ${made} ran out on ${day(new Date(end.time))}`,
      )
    : doubt(
        'CRYPTO_CONSTRAINTS_FAILURE_NO_POE',
        say`the time-stamp of ${made} was made with an algorithm that counted until ${day(new Date(end.time))} only`,
      )
}

/**
 * Why a signature is in doubt, or undefined: at `at` (the time of its time-stamp) the keys of signer and
 * authorities and the digests of the signature must still have counted.
 */
export function judgeSignatureAge(q: {
  signature: CheckedSignature
  chain: readonly Certificate[]
  at: Date
}): Judgement | undefined {
  const ends = [
    ...q.chain.map((certificate) => keyEnd(publicKeyOf(certificate))),
    ...q.signature.references.map(({ digest }) => digestEnd(digest)),
  ]
  const end = Math.min(...ends)
  if (q.at.getTime() <= end) return undefined
  return {
    verdict: 'INDETERMINATE',
    subIndication: 'CRYPTO_CONSTRAINTS_FAILURE_NO_POE',
    reason:
      say`The signature rests on an algorithm that counted until ${day(new Date(end))} only, and nothing proves that it was made before.`.toString(),
  }
}

function revokedSince(q: Parameters<typeof judgeStampAge>[0]): Date | undefined {
  const { certificate } = q.stamp
  for (const configuration of q.approving) {
    const issuer = configuration.caOf(certificate)?.ca
    if (issuer === undefined) continue
    const { ocspResponses: responses, now } = q
    const revoked = revocationOf({ certificate, issuer, configuration, responses, now })
    if (revoked !== undefined) return revoked
  }
  return undefined
}

function doubt(subIndication: NonNullable<Judgement['subIndication']>, why: Said): Judgement {
  return {
    verdict: 'INDETERMINATE',
    subIndication,
    code: 'timestamp_invalid',
    reason: say`All holds, but ${why}, and nothing newer proves that it existed then.`.toString(),
  }
}

function day(date: Date): string {
  return date.toISOString().slice(0, 10)
}
