/** The worker thread of verify-in-thread.ts. */
import { readableName } from '#core/certificate/name.ts'
import { readConfigurationFiles } from '#core/configuration/read-configuration-files.ts'
import type { ContainerVerdict } from '#core/container/container.ts'
import { configurationIn } from '#core/evidence-bundle/bundle.ts'
import { judgeBundle } from '#core/evidence-bundle/judge-bundle.ts'
import { readBundle } from '#core/evidence-bundle/read-bundle.ts'
import { answerAsThread } from '#platform/threads/answer-as-thread.ts'
import { colonForm } from '#schemas/colon-identifiers.ts'
import { idText } from '#schemas/identifiers.ts'

export type ExchangeVerdict = Awaited<ReturnType<typeof verdictOn>>

answerAsThread(verdictOn)

async function verdictOn(question: { bundle: Uint8Array; now: number }) {
  const bundle = await readBundle(Buffer.from(question.bundle))
  const configuration = await readConfigurationFiles(configurationIn(bundle))
  const now = new Date(question.now)
  const { verdict, subIndication, reason, records } = await judgeBundle({ bundle, configuration, now })
  return {
    verdict,
    subIndication: subIndication ?? null,
    reason,
    records: records.map((one) => ({
      index: one.index,
      verdict: one.verdict,
      subIndication: one.subIndication ?? null,
      reason: one.reason,
      signer: signerView(one.container),
      timeStamped: one.container?.timeStamp?.time.toISOString() ?? null,
    })),
  }
}

function signerView(container: ContainerVerdict | undefined) {
  if (container?.signingCertificate === undefined) return null
  const { signer, signingCertificate } = container
  return {
    id: signer === undefined ? null : colonForm(idText(signer)),
    subject: readableName(signingCertificate.subject),
    certificate: signingCertificate.sha256,
  }
}
