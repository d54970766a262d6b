/**
 * Whose time-stamps count for a container alone, which does not say whose log it comes from: those of
 * authorities that the signer's instance approves, or that of whoever verifies. Otherwise any federated
 * registry could date what members of another instance signed.
 */
import type { Certificate } from '#core/certificate/certificate.ts'
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import { say } from '#schemas/said.ts'
import type { Judgement } from './judge-fault.ts'

type StamperQuestion = {
  tsa: Certificate
  signerInstance: string
  /** The verifier's instance, if that is known. */
  own: string | undefined
  configurations: readonly ConfigurationIndex[]
}

/**
 * The instances by which the time-stamp counts. When they are two, each may also say that the authority was
 * revoked: a doubt of either is one.
 */
export function approvingOf(q: StamperQuestion): ConfigurationIndex[] {
  return approvers(q).filter(({ instance }) => instance === q.signerInstance || instance === q.own)
}

/** The judgement when there are none. */
export function strangeStamper(q: StamperQuestion): Judgement {
  const approving = approvers(q).map(({ instance }) => instance)
  return {
    verdict: 'INDETERMINATE',
    subIndication: 'NO_POE',
    code: 'timestamp_invalid',
    reason:
      say`Only ${approving.join(', ')} approves the authority of the time-stamp, not the signer's instance ${q.signerInstance} nor the one whose configuration judges: alone it proves no time. An evidence bundle says whose log it comes from.`.toString(),
  }
}

function approvers({ tsa, configurations }: StamperQuestion): ConfigurationIndex[] {
  return configurations.filter(({ tsaCertificates }) =>
    tsaCertificates.some(({ sha256 }) => sha256 === tsa.sha256),
  )
}
