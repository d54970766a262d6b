/** `concordat verify` of an evidence bundle: the verdict on it and on each of its records, for people or as JSON. */
import type { Bundle, BundleVerdict, RecordVerdict } from '#core/evidence/bundle.ts'
import { judgeBundle } from '#core/evidence/judge-bundle.ts'
import { readBundle } from '#core/evidence/read-bundle.ts'
import { Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import { configurationOf, type LoadedConfiguration, loadConfiguration } from './load-configuration.ts'
import { containerFacts, printable } from './report.ts'
import { readWitnessPolicy } from './witness-policy.ts'

type Question = {
  file: string
  configuration: string | undefined
  /** A C2SP tlog-policy file. */
  witnesses: string | undefined
  json: boolean
  judgedAt: Date
  out: { write(text: string): unknown }
}

/** The exit code; throws `io_error` and the faults of reading the configuration. */
export async function verifyBundle(q: Question): Promise<number> {
  const bundle = await readBundle(q.file).catch((thrown: unknown) => thrown)
  if (bundle instanceof Fault && bundle.code === 'malformed_bundle') {
    const { code, message: reason } = bundle
    const verdict = { verdict: 'TOTAL-FAILED', subIndication: 'FORMAT_FAILURE', code, reason } as const
    const text = `${printable(`${q.file}: ${headline(verdict)}`)}\n  ${printable(reason)}\n`
    q.out.write(q.json ? `${JSON.stringify({ file: q.file, ...verdict })}\n` : text)
    return 1
  }
  if (bundle instanceof Error) throw bundle
  return await judge(bundle as Bundle, q)
}

async function judge(bundle: Bundle, q: Question): Promise<number> {
  const configuration =
    q.configuration === undefined
      ? await configurationOf(
          bundle.manifest.configuration.map((name) => bundle.files.get(name)!),
          'the bundle itself',
        )
      : await loadConfiguration(q.configuration, q.judgedAt)
  const verdict = await judgeBundle({
    bundle,
    configuration: configuration.indexes,
    now: q.judgedAt,
    witnesses: q.witnesses === undefined ? undefined : await readWitnessPolicy(q.witnesses),
  })
  const report = q.json ? jsonReport : textReport
  q.out.write(report(q.file, verdict, configuration, q.judgedAt))
  return verdict.verdict === 'TOTAL-PASSED' ? 0 : 1
}

function textReport(
  file: string,
  verdict: BundleVerdict,
  configuration: LoadedConfiguration,
  judgedAt: Date,
): string {
  const { log, made, records, checkpoints } = verdict
  const heads = checkpoints.map(
    ({ size, signedByMember, existed, witnesses }) =>
      `  tree head       of ${size} records, ${signedByMember ? "signed by the server's owner" : "not tied to the server's owner"}, ${existed === undefined ? 'no proof since when' : `proved since ${existed.since.toISOString()} (until ${existed.until.toISOString()})`}${witnessText(witnesses)}`,
  )
  const lines = [
    `${file}: ${headline(verdict)}`,
    `  ${verdict.reason}`,
    `  log             ${log}, bundle made ${made} (by its own words)`,
    ...heads,
    ...records.flatMap(recordLines),
    `  configuration   ${[...configuration.indexes.keys()].join(', ')}, from ${configuration.origin}`,
    `  judged at       ${judgedAt.toISOString()}`,
  ]
  return `${lines.map(printable).join('\n')}\n`
}

function witnessText(witnesses: BundleVerdict['checkpoints'][number]['witnesses']): string {
  if (witnesses === undefined) return ''
  const names = witnesses.names.length === 0 ? 'nobody of the policy' : witnesses.names.join(', ')
  return `, cosigned by ${names}${witnesses.quorum ? '' : ' (too few)'}`
}

function recordLines({ index, form, container, ...verdict }: RecordVerdict): string[] {
  const rows: [string, string | undefined][] = [
    ['verdict', `${headline(verdict)}: ${verdict.reason}`],
    ['signed by', container?.signer === undefined ? undefined : idText(container.signer)],
    ['signed at', container?.signingTime && `${container.signingTime.toISOString()} (by its own words)`],
    ['time-stamped', container?.timeStamp?.time.toISOString()],
    ['outcome', form.outcome === '' ? undefined : form.outcome],
  ]
  return [
    `  record ${index}, ${form.kind} ${form.direction} at ${form.time}`,
    ...rows.flatMap(([label, value]) => (value === undefined ? [] : [`    ${label.padEnd(14)}${value}`])),
  ]
}

function headline({ verdict, subIndication }: Pick<BundleVerdict, 'verdict' | 'subIndication'>): string {
  return subIndication === undefined ? verdict : `${verdict}, ${subIndication}`
}

function jsonReport(
  file: string,
  verdict: BundleVerdict,
  configuration: LoadedConfiguration,
  judgedAt: Date,
): string {
  const records = verdict.records.map(({ container, ...record }) => ({
    ...record,
    container: container === undefined ? undefined : containerFacts(container),
  }))
  return `${JSON.stringify({
    file,
    ...verdict,
    records,
    configuration: { instances: [...configuration.indexes.keys()], origin: configuration.origin },
    judgedAt: judgedAt.toISOString(),
  })}\n`
}
