/** `concordat verify` of a message log's archive: its chain, and the verdict on each container or record. */
import { type ArchiveVerdict, judgeArchive } from '#core/archive/judge-archive.ts'
import { readArchive } from '#core/archive/read-archive.ts'
import { Fault } from '#schemas/fault.ts'
import { loadConfiguration } from './load-configuration.ts'
import { containerFacts, printable } from './report.ts'

type Question = {
  file: string
  configuration: string | undefined
  /** Last digest of the archive before, '' for the first one; undefined when nobody knows it. */
  previousDigest: string | undefined
  json: boolean
  judgedAt: Date
  out: { write(text: string): unknown }
}

/** The exit code; throws `io_error` and the faults of reading the configuration. */
export async function verifyArchive(q: Question): Promise<number> {
  const { configuration: location, judgedAt } = q
  const indexes = location === undefined ? new Map() : (await loadConfiguration(location, judgedAt)).indexes
  const verdict = await judge(q, indexes)
  const text = q.json ? jsonReport(q, verdict) : textReport(q, verdict)
  q.out.write(text)
  return verdict.verdict === 'TOTAL-PASSED' ? 0 : 1
}

async function judge(
  { file, previousDigest, judgedAt }: Question,
  configuration: Parameters<typeof judgeArchive>[0]['configuration'],
): Promise<ArchiveVerdict> {
  try {
    return await judgeArchive({
      archive: await readArchive(file),
      previousDigest,
      configuration,
      now: judgedAt,
    })
  } catch (thrown) {
    if (!(thrown instanceof Fault) || thrown.code !== 'malformed_archive') throw thrown
    const failed = {
      verdict: 'TOTAL-FAILED',
      subIndication: 'FORMAT_FAILURE',
      reason: thrown.message,
    } as const
    return { ...failed, linking: undefined, containers: [], proved: undefined }
  }
}

function textReport({ file, judgedAt, previousDigest }: Question, verdict: ArchiveVerdict): string {
  const { linking, containers, proved } = verdict
  const lines = [`${file}: ${headline(verdict)}`, `  ${verdict.reason}`]
  if (linking !== undefined) {
    const { previous, lastDigest } = linking
    const asked = previousDigest === undefined ? 'not compared with it' : 'as given'
    lines.push(
      `  follows         ${previous.digest === '' ? 'nothing: the first archive' : `${previous.file}, ${asked}`}`,
      `  last digest     ${lastDigest}`,
    )
  }
  if (proved !== undefined) {
    const { log, made, info, records, checkpoints, manifest } = proved
    lines.push(
      `  log             ${log}, archive of class ${info.class} made ${made} (by its own words)`,
      `  manifest        ${manifest}, after ${info.previous?.manifest ?? 'none'}`,
      ...checkpoints.map(({ size, signedByMember }) => {
        const who = signedByMember ? "signed by the server's owner" : "not tied to the server's owner"
        return `  tree head       of ${size} records, ${who}`
      }),
      ...records.map(
        ({ index, form, ...one }) => `  record ${index}, ${form.kind} ${form.direction}: ${headline(one)}`,
      ),
    )
  }
  lines.push(...containers.map(({ name, ...one }) => `  ${name}: ${headline(one)}`))
  lines.push(`  judged at       ${judgedAt.toISOString()}`)
  return `${lines.map(printable).join('\n')}\n`
}

function headline({ verdict, subIndication }: Pick<ArchiveVerdict, 'verdict' | 'subIndication'>): string {
  return subIndication === undefined ? verdict : `${verdict}, ${subIndication}`
}

function jsonReport({ file, judgedAt }: Question, { proved, ...verdict }: ArchiveVerdict): string {
  const records = proved?.records.map(({ container, ...record }) => ({
    ...record,
    container: container === undefined ? undefined : containerFacts(container),
  }))
  const facts = proved === undefined ? undefined : { ...proved, records }
  return `${JSON.stringify({ file, ...verdict, proved: facts, judgedAt: judgedAt.toISOString() })}\n`
}
