/**
 * Answers one time-stamp request (RFC 3161): accepts strong digests and our one policy only; a new serial
 * number each time.
 */
import { randomBytes } from 'node:crypto'
import type { Certificate } from '#core/certificate/certificate.ts'
import { isStrongDigest } from '#core/timestamp/digest.ts'
import { parseTimeStampRequest, type TimeStampRequest } from '#core/timestamp/time-stamp-request.ts'
import { buildTimeStampRejection, buildTimeStampResponse } from '#core/timestamp/time-stamp-response.ts'
import { Fault } from '#schemas/fault.ts'
import { signerOf } from '../keys.ts'
import type { Signatory } from '../ocsp-responder/answer.ts'
import { type Conditions, cut, STALE_MS } from '../switches.ts'

/**
 * An identifier in the arc for documentation and examples (the enterprise number is that of RFC 5612). The
 * policy promises nothing.
 */
const TSA_POLICY = '1.3.6.1.4.1.32473.1.1'
const ACCURACY_SECONDS = 1

type TsaState = {
  tsa: Signatory
  intermediate: Certificate
  /** Not authorised to sign time-stamps. */
  stranger: Signatory
}

/** The time in the stamp is cut to whole seconds. Never throws, whatever the request contains. */
export function answerTimeStamp(state: TsaState, request: Buffer, { at, mode }: Conditions): Buffer {
  let asked: TimeStampRequest
  try {
    asked = parseTimeStampRequest(request)
  } catch (thrown) {
    if (thrown instanceof Fault) return buildTimeStampRejection('badDataFormat', 'the request cannot be read')
    throw thrown
  }
  if (!isStrongDigest(asked.digest))
    return buildTimeStampRejection('badAlg', 'use SHA-256, SHA-384 or SHA-512')
  if (asked.policy !== undefined && asked.policy !== TSA_POLICY) {
    return buildTimeStampRejection('unacceptedPolicy', `only ${TSA_POLICY}`)
  }
  if (mode === 'revoked' || mode === 'unknown')
    return buildTimeStampRejection('systemFailure', 'switched to fail')
  const { certificate, privateKey } = mode === 'wrong-signer' ? state.stranger : state.tsa
  const answer = buildTimeStampResponse({
    request: asked,
    time: mode === 'stale' ? new Date(at.getTime() - STALE_MS) : at,
    serialNumber: BigInt(`0x${randomBytes(16).toString('hex')}`),
    policy: TSA_POLICY,
    accuracySeconds: ACCURACY_SECONDS,
    certificate,
    includeCertificates: [certificate, state.intermediate],
    digest: 'SHA-256',
    sign: signerOf(privateKey),
  })
  return mode === 'malformed' ? cut(answer) : answer
}
