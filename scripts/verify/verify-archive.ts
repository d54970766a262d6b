/** `concordat verify` of a message log's archive: its chain, and the verdict on each container or record. */
import { type ArchiveVerdict, judgeArchive } from '#core/archive/judge-archive.ts'
import { readArchive } from '#core/archive/read-archive.ts'
import { printable } from '#platform/plain-text.ts'
import { Fault } from '#schemas/fault.ts'
import type { LoadedConfiguration } from './configuration-files.ts'
import { configurationFacts, containerFacts, ownInWords, type Report } from './report.ts'

type Question = {
  file: string
  /** The path of the archive, or its bytes. */
  content: string | Buffer
  /** Without a configuration only the chain can be verified. */
  configuration: LoadedConfiguration | undefined
  /** The last digest of the previous archive, '' for the first one, undefined when it is unknown. */
  previousDigest: string | undefined
  judgedAt: Date
}

/** Throws `io_error` when the file cannot be read. */
export async function verifyArchive(q: Question): Promise<Report> {
  const verdict = await judge(q)
  const passed = verdict.verdict === 'TOTAL-PASSED'
  return { kind: 'archive', passed, facts: factsReport(q, verdict), text: textReport(q, verdict) }
}

async function judge({
  content,
  configuration,
  previousDigest,
  judgedAt,
}: Question): Promise<ArchiveVerdict> {
  try {
    return await judgeArchive({
      archive: await readArchive(content),
      previousDigest,
      ...{ configuration: configuration?.indexes ?? new Map(), own: configuration?.own },
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

function textReport(q: Question, verdict: ArchiveVerdict): string {
  const { file, configuration, judgedAt, previousDigest } = q
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
        return `  signed state    of ${size} records, ${who}`
      }),
      ...records.map(
        ({ index, form, ...one }) => `  record ${index}, ${form.kind} ${form.direction}: ${headline(one)}`,
      ),
    )
  }
  lines.push(...containers.map(({ name, ...one }) => `  ${name}: ${headline(one)}`))
  if (configuration !== undefined) {
    const { indexes, origin } = configuration
    lines.push(`  configuration   ${[...indexes.keys()].join(', ')}, from ${origin}`)
    if (containers.length > 0) lines.push(`  own instance    ${ownInWords(configuration)}`)
  }
  lines.push(`  judged at       ${judgedAt.toISOString()}`)
  return `${lines.map(printable).join('\n')}\n`
}

function headline({ verdict, subIndication }: Pick<ArchiveVerdict, 'verdict' | 'subIndication'>): string {
  return subIndication === undefined ? verdict : `${verdict}, ${subIndication}`
}

function factsReport(
  { file, configuration, judgedAt }: Question,
  { proved, ...verdict }: ArchiveVerdict,
): object {
  const records = proved?.records.map(({ container, ...record }) => ({
    ...record,
    container: container === undefined ? undefined : containerFacts(container),
  }))
  const facts = proved === undefined ? undefined : { ...proved, records }
  const judgedBy = configuration && configurationFacts(configuration)
  return { file, ...verdict, proved: facts, configuration: judgedBy, judgedAt: judgedAt.toISOString() }
}
