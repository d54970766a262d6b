/**
 * `concordat verify` of an export of a message log: runs its filter again, verifies the bundles in it, and
 * reports what is not proved.
 */
import { parseCertificate } from '#core/certificate/certificate.ts'
import { publicKeyOf } from '#core/certificate/public-key.ts'
import { type BundleVerdict, configurationIn } from '#core/evidence-bundle/bundle.ts'
import { judgeBundle } from '#core/evidence-bundle/judge-bundle.ts'
import { readBundle } from '#core/evidence-bundle/read-bundle.ts'
import { isOfActors } from '#core/log-export/actors.ts'
import { isRowOf } from '#core/log-export/is-row-of.ts'
import { judgeRange, type RangeVerdict } from '#core/log-export/judge-range.ts'
import { type LogExport, readExport } from '#core/log-export/read-export.ts'
import { noteName, parseCheckpoint, verifyMemberSignature } from '#core/merkle/checkpoint.ts'
import type { WitnessPolicy } from '#core/merkle/witness-policy.ts'
import { printable } from '#platform/plain-text.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { configurationOf, type LoadedConfiguration } from './configuration-files.ts'
import type { Report } from './report.ts'

type Question = {
  file: string
  content: string | Buffer
  configuration: LoadedConfiguration | undefined
  witnesses: WitnessPolicy | undefined
  judgedAt: Date
  /** Told after each evidence bundle: how many of how many. */
  onProgress?: ((bundles: number, total: number) => void) | undefined
}
type State = 'good' | 'warn' | 'bad'
type Check = { what: string; state: State; why: string }
type Overall = { verdict: BundleVerdict['verdict']; subIndication?: string; reason: string }

const MOST_NAMED = 20

/** Throws `io_error`. A file that is not an export, or that contradicts itself, gets a verdict. */
export async function verifyExport(q: Question): Promise<Report> {
  const { checks, overall } = await judge(q)
  const head = `${overall.verdict}${overall.subIndication === undefined ? '' : `, ${overall.subIndication}`}`
  const words: Record<State, string> = { good: 'holds', warn: 'not proved', bad: 'FAILS' }
  const lines = [
    `${q.file}: ${head}`,
    `  ${overall.reason}`,
    ...checks.map(({ what, state, why }) => `  ${what}: ${words[state]}, ${why}`),
    `  judged at       ${q.judgedAt.toISOString()}`,
  ]
  return {
    kind: 'export',
    passed: overall.verdict === 'TOTAL-PASSED',
    facts: { file: q.file, ...overall, checks, judgedAt: q.judgedAt.toISOString() },
    text: `${lines.map(printable).join('\n')}\n`,
  }
}

async function judge(q: Question): Promise<{ checks: Check[]; overall: Overall }> {
  try {
    const read = await readExport(q.content)
    const range = judgeRange(read)
    const bundles = await judgeBundles(read, range, q)
    const checks = [...rangeChecks(read, range), ...bundles.checks]
    return { checks, overall: overallOf(checks, read, range) }
  } catch (thrown) {
    const { code, message } = asFault(thrown)
    if (!(thrown instanceof Fault) || code === 'io_error') throw thrown
    return {
      checks: [],
      overall: { verdict: 'TOTAL-FAILED', subIndication: 'FORMAT_FAILURE', reason: message },
    }
  }
}

function rangeChecks({ head }: LogExport, range: RangeVerdict): Check[] {
  const { wrong, covered, shown, hidden, ruledOut, open, openCount, counted, counts } = range
  const size = head.range.last + 1
  const stretches = open
    .slice(0, MOST_NAMED)
    .map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`))
  const more = open.length > MOST_NAMED ? ', …' : ''
  const named = open.length === 0 ? '' : `: ${stretches.join(', ')}${more}`
  return [
    {
      what: 'Rows and filter',
      state: wrong.length === 0 ? 'good' : 'bad',
      why:
        wrong.length === 0
          ? String(say`${shown} rows fit the filter, and contradict nothing`)
          : wrong.slice(0, MOST_NAMED).join('; '),
    },
    {
      what: 'Range',
      state: covered ? (wrong.length === 0 ? 'good' : 'bad') : 'warn',
      why: covered
        ? String(say`indexes 0 to ${head.range.last}, without a gap, are those of the signed state`)
        : String(say`the leaf forms are not in the export`),
    },
    {
      what: 'Left out',
      state: openCount === 0 ? 'good' : 'warn',
      why: [
        say`of ${size} records ${shown} are shown, ${ruledOut} are proved not to fit, ${counted} are ruled out by daily counts, ${openCount} are not shown and might fit${named}`,
        ...(hidden === 0 ? [] : [say`of ${hidden} the log hides all but the leaf`]),
      ].join('; '),
    },
    ...(counts.stretches === 0
      ? []
      : [
          {
            what: 'Daily counts',
            state: counted === 0 ? ('good' as const) : ('warn' as const),
            why: String(
              say`of ${counts.stretches} ${counts.settled.length} agree with what is shown; what they rule out is the log's own word, given the day after`,
            ),
          },
        ]),
  ]
}

/**
 * Verifies each bundle on its own. The certificate of its tree heads shows whether the export's own
 * certificate belongs to the owner.
 */
async function judgeBundles(read: LogExport, range: RangeVerdict, q: Question): Promise<{ checks: Check[] }> {
  const checks: Check[] = []
  const proved = new Set<number>()
  let isOwners = false
  for (const [name, bytes] of read.bundles) {
    const bundle = await readBundle(bytes)
    const brought = configurationIn(bundle)
    const configuration =
      q.configuration ??
      (await configurationOf(brought, 'the bundle itself').catch((thrown) => asFault(thrown)))
    if (configuration instanceof Fault) {
      checks.push({
        what: name,
        state: 'warn',
        why: String(say`it brings no configuration: ${configuration.message}`),
      })
      continue
    }
    const { indexes } = configuration
    const verdict = await judgeBundle({
      bundle,
      configuration: indexes,
      now: q.judgedAt,
      witnesses: q.witnesses,
    })
    const why = whyUnlike(verdict, read, range)
    const state =
      why !== undefined || verdict.verdict === 'TOTAL-FAILED'
        ? 'bad'
        : verdict.verdict === 'INDETERMINATE'
          ? 'warn'
          : 'good'
    checks.push({ what: name, state, why: why ?? `${verdict.subIndication ?? ''} ${verdict.reason}`.trim() })
    if (state === 'good')
      for (const record of verdict.records)
        if (namesAsked(record, verdict, read) === true) proved.add(record.index)
    const [signer] = bundle.manifest.checkpointSigner.certificates
    const isSigned = verdict.checkpoints.every(({ signedByMember }) => signedByMember)
    if (state === 'good' && isSigned && signer !== undefined)
      isOwners ||= isSignedBy(read, bundle.files.get(signer)!)
    q.onProgress?.(checks.length, read.bundles.size)
  }
  const unproved = read.rows.filter(({ index }) => !proved.has(index)).length
  const rows = read.rows.length - unproved
  return {
    checks: [
      {
        what: 'Signed state of the log',
        state: isOwners ? 'good' : 'warn',
        why: isOwners
          ? String(say`signed by the server's owner`)
          : String(say`nothing in the export ties it to the server's owner`),
      },
      {
        what: 'Evidence',
        state: unproved === 0 ? 'good' : 'warn',
        why: String(
          say`a bundle proves ${rows} rows; parties and ids of ${unproved} are the server's own word`,
        ),
      },
      ...checks,
    ],
  }
}

function isSignedBy({ head }: LogExport, certificate: Buffer): boolean {
  const { note } = parseCheckpoint(head.treeHead)
  const owner = head.log.split('/').slice(0, 3).join('/')
  return verifyMemberSignature(note, noteName(owner), publicKeyOf(parseCertificate(certificate)))
}

/** Why a bundle belongs to another log or contradicts the rows; undefined when it does neither. */
function whyUnlike(verdict: BundleVerdict, read: LogExport, { forms }: RangeVerdict): string | undefined {
  const { log, records } = verdict
  if (log !== read.head.log) return String(say`it is not of the log of the export, but of ${log}`)
  const rows = new Map(read.rows.map((row) => [row.index, row]))
  for (const record of records) {
    const { index, form, metadata, circumstances } = record
    const known = forms[index]
    if (known !== undefined && JSON.stringify(known) !== JSON.stringify(form))
      return String(say`record ${index} is another in the range`)
    const row = rows.get(index)
    if (row !== undefined && metadata !== undefined && !isRowOf(row, metadata, circumstances))
      return String(say`row ${index} is not what its record says`)
    if (row !== undefined && namesAsked(record, verdict, read) === false)
      return String(say`row ${index} is of another user or represented party than was asked for`)
  }
  return undefined
}

/**
 * Whether the record, or the request that it answers, belongs to the actors of the filter; undefined when the
 * actors are unknown.
 */
function namesAsked(
  { metadata }: BundleVerdict['records'][number],
  { records }: BundleVerdict,
  { head }: LogExport,
): boolean | undefined {
  const { userId, representedParty } = head.filter
  if (userId === undefined && representedParty === undefined) return true
  const { answers } = (metadata ?? {}) as { answers?: number }
  const request = answers === undefined ? metadata : records.find(({ index }) => index === answers)?.metadata
  return request === undefined ? undefined : isOfActors(head.filter, request)
}

function overallOf(checks: Check[], { head }: LogExport, { openCount }: RangeVerdict): Overall {
  if (checks.some(({ state }) => state === 'bad'))
    return {
      verdict: 'TOTAL-FAILED',
      subIndication: 'HASH_FAILURE',
      reason: String(
        say`Something in the export is not what the log committed to, or does not fit its filter.`,
      ),
    }
  if (openCount > 0)
    return {
      verdict: 'INDETERMINATE',
      subIndication: 'SIGNED_DATA_NOT_FOUND',
      reason: String(
        say`What is shown holds; ${openCount} records are not shown, and only the log knows whether they fit (${head.erasedInRange} were erased, by its own words).`,
      ),
    }
  if (checks.some(({ state }) => state === 'warn'))
    return {
      verdict: 'INDETERMINATE',
      subIndication: 'NO_POE',
      reason: String(say`Nothing is missing, but not all that is shown is proved.`),
    }
  return {
    verdict: 'TOTAL-PASSED',
    reason: String(say`All that fits the filter is shown and proved, and nothing that fits was left out.`),
  }
}
