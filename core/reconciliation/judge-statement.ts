/**
 * Judges a statement offline. It has no time-stamp, so nothing proves when it was signed: once the OCSP
 * answers in it are no longer fresh, a correct statement is INDETERMINATE, NO_POE (ETSI EN 319 102-1).
 */
import { parseOcspResponse } from '#core/certificate/ocsp-parse.ts'
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import { readSignedJson } from '#core/signature/signed-json.ts'
import { Fault, type FaultCode } from '#schemas/fault.ts'
import { STATEMENT_TYPE, type Statement } from '#schemas/reconciliation.ts'
import { say } from '#schemas/said.ts'
import { readStatement } from './statement.ts'

export type StatementVerdict = {
  verdict: 'TOTAL-PASSED' | 'INDETERMINATE' | 'TOTAL-FAILED'
  subIndication?: 'NO_POE' | 'FORMAT_FAILURE' | 'SIG_CRYPTO_FAILURE' | 'NO_CERTIFICATE_CHAIN_FOUND'
  code?: FaultCode
  reason: string
  /** The time of the newest OCSP answer in it: according to the responders it was not signed earlier. */
  statusTime?: Date
  statement?: Statement
}

/** `check` throws `invalid_input` for a document of another shape. */
export function judgeStatement(q: {
  jws: string
  check(document: unknown): Statement
  configurationOf(instance: string): ConfigurationIndex | undefined
  now: Date
}): StatementVerdict {
  let statement: Statement
  let statusTime: Date
  try {
    const { document, signatures } = readSignedJson(Buffer.from(q.jws), STATEMENT_TYPE)
    statement = q.check(document)
    const times = signatures.flatMap(({ ocspResponses }) => ocspResponses.flatMap(statusTimes))
    statusTime = new Date(Math.max(0, ...times))
  } catch (thrown) {
    const subIndication = isSignature(thrown) ? 'SIG_CRYPTO_FAILURE' : 'FORMAT_FAILURE'
    return { verdict: 'TOTAL-FAILED', subIndication, ...reasonOf(thrown) }
  }
  const { jws, configurationOf } = q
  const members = [statement.first.member, statement.second.member]
  const read = (at: Date): unknown => readStatement({ jws, members, configurationOf, at })
  try {
    read(statusTime)
  } catch (thrown) {
    const subIndication = 'NO_CERTIFICATE_CHAIN_FOUND'
    return { verdict: 'INDETERMINATE', subIndication, ...reasonOf(thrown), statusTime, statement }
  }
  try {
    read(q.now)
    return {
      verdict: 'TOTAL-PASSED',
      reason: String(say`both members signed it`),
      statusTime,
      statement,
    }
  } catch {
    const reason = String(
      say`both members signed it, with certificates that were good then; nothing proves when that was`,
    )
    return { verdict: 'INDETERMINATE', subIndication: 'NO_POE', reason, statusTime, statement }
  }
}

function statusTimes(response: Buffer): number[] {
  return parseOcspResponse(response).responses.map(({ thisUpdate }) => thisUpdate.getTime())
}

function isSignature(thrown: unknown): boolean {
  return thrown instanceof Fault && thrown.code === 'invalid_signature_value'
}

function reasonOf(thrown: unknown): { code: FaultCode; reason: string } {
  if (!(thrown instanceof Fault)) throw thrown
  return { code: thrown.code, reason: thrown.message }
}
