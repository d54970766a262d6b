/**
 * Whose time-stamps count for a container alone, which does not say whose log it comes from: those of authorities that the signer's instance
 * approves, or that of whoever verifies. Otherwise any federated registry could date what members of another instance signed.
 */
import type { Certificate } from '#core/certificate/certificate.ts'
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import { say } from '#schemas/said.ts'
import type { Judgement } from './judge-fault.ts'

/** Why the time-stamp does not count, or undefined. `own` is the verifier's instance, if that is known. */
export function judgeStamper(q: {
  tsa: Certificate
  signerInstance: string
  own: string | undefined
  configurations: readonly ConfigurationIndex[]
}): Judgement | undefined {
  const approving = q.configurations
    .filter(({ tsaCertificates }) => tsaCertificates.some(({ sha256 }) => sha256 === q.tsa.sha256))
    .map(({ instance }) => instance)
  if (approving.some((instance) => instance === q.signerInstance || instance === q.own)) return undefined
  return {
    verdict: 'INDETERMINATE',
    subIndication: 'NO_POE',
    code: 'timestamp_invalid',
    reason:
      say`Only ${approving.join(', ')} approves the authority of the time-stamp, not the signer's instance ${q.signerInstance} nor the one whose configuration judges: alone it proves no time. An evidence bundle says whose log it comes from.`.toString(),
  }
}
