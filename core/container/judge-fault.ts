/**
 * Translates a Fault from the verification of a container into the terms of EN 319 102-1, with X-Road's code.
 */

import type { Certificate } from '#core/certificate/certificate.ts'
import { parseOcspResponse } from '#core/certificate/ocsp-parse.ts'
import { certId } from '#core/certificate/ocsp-request.ts'
import { Fault, type FaultCode } from '#schemas/fault.ts'
import type { ContainerVerdict, SubIndication } from './container.ts'

export type Judgement = Pick<ContainerVerdict, 'verdict' | 'subIndication' | 'code' | 'reason'>

/** The step of the verification in which the fault occurred: the same code means different things in each. */
type Stage = 'signature' | 'time-stamp' | 'coverage' | 'message' | 'signer'

type Row = [verdict: Judgement['verdict'], subIndication: SubIndication, code?: FaultCode]

const FORMAT: Row = ['TOTAL-FAILED', 'FORMAT_FAILURE']
const HASH: Row = ['TOTAL-FAILED', 'HASH_FAILURE']
const CONSTRAINTS: Row = ['INDETERMINATE', 'SIG_CONSTRAINTS_FAILURE']

const ROWS: Record<Stage, Partial<Record<FaultCode, Row>>> = {
  signature: {
    invalid_signature_value: ['TOTAL-FAILED', 'SIG_CRYPTO_FAILURE'],
    incorrect_certificate: ['INDETERMINATE', 'CRYPTO_CONSTRAINTS_FAILURE'],
    invalid_xml: FORMAT,
    malformed_signature: FORMAT,
    malformed_certificate: FORMAT,
  },
  // A bad time-stamp is no evidence against the signature, but without one nothing proves when the signature
  // existed.
  'time-stamp': {
    malformed_signature: FORMAT,
    timestamp_invalid: ['INDETERMINATE', 'NO_POE'],
    malformed_timestamp: ['INDETERMINATE', 'NO_POE'],
  },
  coverage: {
    // X-Road's code for a wrong digest in one of the signature's own references.
    invalid_reference: ['TOTAL-FAILED', 'HASH_FAILURE', 'invalid_signature_value'],
    'malformed_signature.invalid_hash_chain_ref': HASH,
    'malformed_signature.hashchain_unused_inputs': HASH,
    'malformed_signature.invalid_hash_chain': HASH,
    malformed_hash_chain: FORMAT,
    malformed_signature: FORMAT,
    uncovered_part: CONSTRAINTS,
  },
  message: {},
  signer: {
    malformed_signature: ['INDETERMINATE', 'CHAIN_CONSTRAINTS_FAILURE'],
    invalid_cert_path: ['INDETERMINATE', 'NO_CERTIFICATE_CHAIN_FOUND'],
    incorrect_certificate: CONSTRAINTS,
    unknown_member: CONSTRAINTS,
    cert_validation: ['INDETERMINATE', 'CERTIFICATE_CHAIN_GENERAL_FAILURE'],
    incorrect_validation_info: ['INDETERMINATE', 'TRY_LATER'],
    malformed_ocsp: ['INDETERMINATE', 'TRY_LATER'],
  },
}

/**
 * The judgement on a fault; unlisted faults never become TOTAL-PASSED. Rethrows anything that is not a Fault.
 */
export function judgeFault(thrown: unknown, stage: Stage): Judgement {
  if (!(thrown instanceof Fault)) throw thrown
  const [verdict, subIndication, code] = ROWS[stage][thrown.code] ?? CONSTRAINTS
  return { verdict, subIndication, code: code ?? thrown.code, reason: thrown.message }
}

/**
 * As `judgeFault`, but more precise about a refused certificate: outside its validity at `at`, or revoked.
 */
export function judgeSignerFault(
  thrown: unknown,
  q: { certificate: Certificate; issuer: Certificate | undefined; responses: Buffer[]; at: Date },
): Judgement {
  const judgement = judgeFault(thrown, 'signer')
  const { certificate } = q
  if (judgement.code === 'cert_validation') {
    if (q.at < certificate.notBefore) {
      return { ...judgement, verdict: 'TOTAL-FAILED', subIndication: 'NOT_YET_VALID' }
    }
    if (q.at > certificate.notAfter) return { ...judgement, subIndication: 'OUT_OF_BOUNDS_NO_POE' }
  }
  if (judgement.code === 'incorrect_validation_info') {
    const subIndication = revocation(q)
    if (subIndication !== undefined) return { ...judgement, subIndication }
  }
  return judgement
}

/**
 * Whether one of the OCSP answers reports a revocation by that time: of this certificate or of an
 * authority's.
 */
function revocation(q: Parameters<typeof judgeSignerFault>[1]): SubIndication | undefined {
  const { certificate } = q
  for (const bytes of q.responses) {
    try {
      const [single] = parseOcspResponse(bytes).responses
      if (single?.status !== 'revoked' || single.revokedAt! > q.at) continue
      const own = q.issuer !== undefined && single.certId.equals(certId(certificate, q.issuer))
      return own ? 'REVOKED_NO_POE' : 'REVOKED_CA_NO_POE'
    } catch (thrown) {
      if (!(thrown instanceof Fault)) throw thrown
    }
  }
  return undefined
}
