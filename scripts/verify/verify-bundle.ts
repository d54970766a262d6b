/**
 * `concordat verify` of an evidence bundle: the verdict on it and on each of its records, for people or as
 * JSON.
 */

import { consentInWords, previewInWords } from '#core/circumstances/consent.ts'
import { graceSince } from '#core/circumstances/grace.ts'
import { circumstancesInWords } from '#core/circumstances/in-words.ts'
import { representationInWords } from '#core/circumstances/representation.ts'
import {
  type Bundle,
  type BundleVerdict,
  configurationIn,
  type RecordVerdict,
} from '#core/evidence-bundle/bundle.ts'
import { judgeBundle } from '#core/evidence-bundle/judge-bundle.ts'
import { readBundle } from '#core/evidence-bundle/read-bundle.ts'
import type { WitnessPolicy } from '#core/merkle/witness-policy.ts'
import { printable } from '#platform/plain-text.ts'
import { Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import { configurationOf, type LoadedConfiguration } from './configuration-files.ts'
import { containerFacts, type Report } from './report.ts'

type Question = {
  file: string
  /** The path of the bundle, or its bytes. */
  content: string | Buffer
  /** Without a configuration the bundle is verified by the one that it contains. */
  configuration: LoadedConfiguration | undefined
  witnesses: WitnessPolicy | undefined
  judgedAt: Date
}

/** Throws `io_error` and the faults of reading the configuration in the bundle. */
export async function verifyBundle(q: Question): Promise<Report> {
  const bundle = await readBundle(q.content).catch((thrown: unknown) => thrown)
  if (bundle instanceof Fault && bundle.code === 'malformed_bundle') {
    const { code, message: reason } = bundle
    const verdict = { verdict: 'TOTAL-FAILED', subIndication: 'FORMAT_FAILURE', code, reason } as const
    const text = `${printable(`${q.file}: ${headline(verdict)}`)}\n  ${printable(reason)}\n`
    return { kind: 'bundle', passed: false, facts: { file: q.file, ...verdict }, text }
  }
  if (bundle instanceof Error) throw bundle
  return await judge(bundle as Bundle, q)
}

async function judge(bundle: Bundle, q: Question): Promise<Report> {
  const brought = configurationIn(bundle)
  const configuration = q.configuration ?? (await configurationOf(brought, 'the bundle itself'))
  const verdict = await judgeBundle({
    bundle,
    configuration: configuration.indexes,
    now: q.judgedAt,
    witnesses: q.witnesses,
  })
  return {
    kind: 'bundle',
    passed: verdict.verdict === 'TOTAL-PASSED',
    facts: factsReport(q.file, verdict, configuration, q.judgedAt),
    text: textReport(q.file, verdict, configuration, q.judgedAt),
  }
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
      `  signed state    of ${size} records, ${signedByMember ? "signed by the server's owner" : "not tied to the server's owner"}, ${existed === undefined ? 'no proof since when' : `proved since ${existed.since.toISOString()} (until ${existed.until.toISOString()})`}${witnessText(witnesses)}`,
  )
  const lines = [
    `${file}: ${headline(verdict)}`,
    `  ${verdict.reason}`,
    `  log             ${log}, bundle made ${made} (by its own words)`,
    ...heads,
    ...records.flatMap(recordLines),
    `  configuration   ${[...configuration.indexes.keys()].join(', ')}, from ${configuration.origin}`,
    `  time-stamps     count by the instance of the log`,
    `  judged at       ${judgedAt.toISOString()}`,
  ]
  return `${lines.map(printable).join('\n')}\n`
}

function witnessText(witnesses: BundleVerdict['checkpoints'][number]['witnesses']): string {
  if (witnesses === undefined) return ''
  const names = witnesses.names.length === 0 ? 'nobody of the policy' : witnesses.names.join(', ')
  return `, cosigned by ${names}${witnesses.quorum ? '' : ' (too few)'}`
}

function recordLines({
  index,
  form,
  container,
  circumstances,
  metadata,
  ...verdict
}: RecordVerdict): string[] {
  const rows: [string, string | undefined][] = [
    ['verdict', `${headline(verdict)}: ${verdict.reason}`],
    ['signed by', container?.signer === undefined ? undefined : idText(container.signer)],
    ['signed at', container?.signingTime && `${container.signingTime.toISOString()} (by its own words)`],
    ['time-stamped', container?.timeStamp?.time.toISOString()],
    ['outcome', form.outcome === '' ? undefined : form.outcome],
    ['representation', form.kind === 'request' ? representationInWords(metadata) : undefined],
    ['consent', form.kind === 'request' ? consentInWords(metadata) : undefined],
    ['preview', previewInWords(metadata)],
    ['outage grace', inGrace(form.kind, metadata)],
    // Only for a request, because the reply to a request has the same circumstances.
    ...(circumstances === undefined || form.kind !== 'request' ? [] : circumstancesInWords(circumstances)),
  ]
  return [
    `  record ${index}, ${form.kind} ${form.direction} at ${form.time}`,
    ...rows.flatMap(([label, value]) => (value === undefined ? [] : [`    ${label.padEnd(13)} ${value}`])),
  ]
}

function inGrace(kind: string, metadata: unknown): string | undefined {
  const since = kind === 'request' ? graceSince(metadata) : undefined
  return since && `of its contract: the configuration had ended at ${since}`
}

function headline({ verdict, subIndication }: Pick<BundleVerdict, 'verdict' | 'subIndication'>): string {
  return subIndication === undefined ? verdict : `${verdict}, ${subIndication}`
}

function factsReport(
  file: string,
  verdict: BundleVerdict,
  configuration: LoadedConfiguration,
  judgedAt: Date,
): object {
  const records = verdict.records.map(({ container, ...record }) => ({
    ...record,
    container: container === undefined ? undefined : containerFacts(container),
  }))
  return {
    file,
    ...verdict,
    records,
    configuration: { instances: [...configuration.indexes.keys()], origin: configuration.origin },
    judgedAt: judgedAt.toISOString(),
  }
}
