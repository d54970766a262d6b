/** Verifies a file of evidence of any kind; used by the command line and by the page that verifies. */
import { isArchive } from '#core/archive/read-archive.ts'
import type { ContainerVerdict } from '#core/container/container.ts'
import { type ContainerLimits, isContainer, readContainer } from '#core/container/read-container.ts'
import { verifyContainer } from '#core/container/verify-container.ts'
import { isBundle } from '#core/evidence-bundle/read-bundle.ts'
import { isSavedUse } from '#core/evidence-bundle/saved-use.ts'
import { isExport } from '#core/log-export/read-export.ts'
import type { WitnessPolicy } from '#core/merkle/witness-policy.ts'
import { Fault } from '#schemas/fault.ts'
import type { LoadedConfiguration } from './configuration-files.ts'
import { factsReport, type Report, textReport } from './report.ts'
import { verifyArchive } from './verify-archive.ts'
import { verifyBundle } from './verify-bundle.ts'
import { verifyExport } from './verify-export.ts'
import { isStatement, verifyStatement } from './verify-statement.ts'
import { verifyUse } from './verify-use.ts'

type Question = {
  /** The name of the file in the report. */
  file: string
  /** The path of the file, or its bytes. */
  content: string | Buffer
  /** Returns the configuration by which to verify; undefined when the user named none. */
  configuration: (() => Promise<LoadedConfiguration>) | undefined
  witnesses?: WitnessPolicy | undefined
  /**
   * For an archive: the last digest of the previous one, '' for the first archive, undefined when it is
   * unknown.
   */
  previousDigest?: string | undefined
  judgedAt: Date
  /** Told after each evidence bundle of an export: how many of how many. */
  onProgress?: ((bundles: number, total: number) => void) | undefined
  /** Limits for a container; smaller ones where memory is limited. */
  limits?: Partial<ContainerLimits>
}

export type Unjudged = 'configuration is missing' | 'no evidence'

/**
 * Throws `io_error` and the faults of reading the configuration, but nothing for malformed evidence. Nothing
 * is judged without a configuration that is needed, and it is not asked for when the file is no evidence of
 * any kind: it would not help.
 */
export async function judgeFile(q: Question): Promise<Report | Unjudged> {
  const { file, content, judgedAt } = q
  if (await isArchive(content)) {
    const configuration = await q.configuration?.()
    const { previousDigest } = q
    return await verifyArchive({ file, content, configuration, previousDigest, judgedAt })
  }
  if (await isExport(content)) {
    const configuration = await q.configuration?.()
    const { witnesses, onProgress } = q
    return await verifyExport({ file, content, configuration, witnesses, judgedAt, onProgress })
  }
  if (await isBundle(content)) {
    const configuration = await q.configuration?.()
    return await verifyBundle({ file, content, configuration, witnesses: q.witnesses, judgedAt })
  }
  if (await isSavedUse(content))
    return await verifyUse({ file, content, configuration: await q.configuration?.(), judgedAt })
  if (q.configuration === undefined) {
    const isKnown = isStatement(content) || (await isContainer(content))
    return isKnown ? 'configuration is missing' : 'no evidence'
  }
  const configuration = await q.configuration()
  if (isStatement(content)) return await verifyStatement({ file, content, configuration, judgedAt })
  const verdict = await judgeContainer(q, configuration)
  const judged = { file, verdict, configuration, judgedAt }
  const passed = verdict.verdict === 'TOTAL-PASSED'
  return { kind: 'container', passed, facts: factsReport(judged), text: textReport(judged) }
}

async function judgeContainer(
  { content, judgedAt: now, limits }: Question,
  { indexes, own }: LoadedConfiguration,
): Promise<ContainerVerdict> {
  try {
    return await verifyContainer({
      container: await readContainer(content, limits),
      configuration: indexes,
      ...{ own, now },
    })
  } catch (thrown) {
    if (!(thrown instanceof Fault) || thrown.code !== 'malformed_container') throw thrown
    return {
      verdict: 'TOTAL-FAILED',
      subIndication: 'FORMAT_FAILURE',
      code: thrown.code,
      reason: thrown.message,
      covers: [],
    }
  }
}
