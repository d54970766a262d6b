/** Turns the facts of a report (as printed by --json) into a list of checks, each with its state and the verifier's reason. */
import { circumstancesInWords } from '#core/circumstances/in-words.ts'
import { representationInWords } from '#core/circumstances/representation.ts'
import type { Circumstances } from '#schemas/circumstances.ts'
import type { Report } from '../../report.ts'
import { OWN_CONFIGURATION, type Tone } from './texts.ts'

type Check = { what: string; tone: Tone; why: string }

type Verdict = { verdict: string; subIndication?: string; reason: string }
type Container = Verdict & {
  signer?: string
  signingTime?: string
  timeStamp?: { time: string; tsa: string }
  covers?: { name: string; covered: boolean; present: boolean }[]
}
type Head = {
  size: number
  signedByMember: boolean
  reason?: string
  existed?: { since: string }
  witnesses?: { names: string[]; quorum: boolean }
}
type RecordFacts = Verdict & {
  index: number
  form: { kind: string; direction: string; time: string }
  container?: Container
  circumstances?: Circumstances
  metadata?: unknown
}
export type Facts = Container & {
  checkpoints?: Head[]
  records?: RecordFacts[]
  containers?: (Verdict & { name: string })[]
  proved?: { checkpoints: Head[]; records: RecordFacts[] }
  linking?: { lastDigest: string; previous: { digest: string; file?: string } }
  statement?: { counts: Record<string, number>; day: string }
  configuration?: { instances?: string[]; origin: string }
  judgedAt?: string
  checks?: { what: string; state: Tone; why: string }[]
}

const TONES: Record<string, Tone> = { 'TOTAL-PASSED': 'good', 'TOTAL-FAILED': 'bad' }
const toneOf = ({ verdict }: { verdict: string }): Tone => TONES[verdict] ?? 'warn'

export function checksOf({ facts }: Pick<Report, 'facts'>): Check[] {
  const all = facts as Facts
  const { records = all.proved?.records ?? [], checkpoints = all.proved?.checkpoints ?? [] } = all
  return [
    ...(all.checks ?? []).map(({ what, state, why }) => ({ what, tone: state, why })),
    ...containerChecks(all),
    ...records.flatMap(recordChecks),
    ...(all.containers ?? []).map((one) => ({ what: one.name, tone: toneOf(one), why: reasonOf(one) })),
    ...checkpoints.flatMap(headChecks),
    ...linkChecks(all),
    ...configurationChecks(all),
  ]
}

/** Statements of a container about itself count only if its verdict is good; otherwise they are marked as its own words. */
function containerChecks({ signer, signingTime, timeStamp, covers = [], ...verdict }: Container): Check[] {
  const holds = toneOf(verdict) === 'good'
  const tone = holds ? 'good' : 'warn'
  const checks: Check[] = []
  const said = holds ? '' : 'by its own words '
  const when = signingTime === undefined ? '' : `, by its own words at ${signingTime}`
  if (signer !== undefined) checks.push({ what: 'Signer', tone, why: `${said}${signer}${when}` })
  if (timeStamp !== undefined)
    checks.push({ what: 'Time-stamp', tone, why: `${timeStamp.time}, by ${timeStamp.tsa}` })
  for (const { name, covered, present } of covers) {
    const why = present ? 'the signature is over it' : 'signed, and left out of the file'
    checks.push({
      what: `Covers ${name}`,
      tone: covered ? tone : 'bad',
      why: covered ? why : 'not signed: it proves nothing',
    })
  }
  return checks
}

function recordChecks({ index, form, container, circumstances, metadata, ...verdict }: RecordFacts): Check[] {
  const name = `Record ${index}: ${form.kind}, ${form.direction}`
  const who = container?.signer === undefined ? '' : ` Signed by ${container.signer}.`
  const when = container?.timeStamp === undefined ? '' : ` Time-stamped ${container.timeStamp.time}.`
  const checks: Check[] = [{ what: name, tone: toneOf(verdict), why: `${reasonOf(verdict)}${who}${when}` }]
  // Shown only for a request, because the reply to a request has the same circumstances.
  if (circumstances !== undefined && form.kind === 'request')
    checks.push({
      what: `Record ${index}: circumstances at that time`,
      tone: toneOf(verdict),
      why: circumstancesInWords(circumstances)
        .map(([label, said]) => `${label}: ${said}.`)
        .join(' '),
    })
  const represented = form.kind === 'request' ? representationInWords(metadata) : undefined
  if (represented !== undefined)
    checks.push({ what: `Record ${index}: represented party`, tone: toneOf(verdict), why: `${represented}.` })
  return checks
}

function headChecks({ size, signedByMember, reason, existed, witnesses }: Head): Check[] {
  const what = `Signed state of the log, ${size} records`
  const why = signedByMember ? "signed by the server's owner" : (reason ?? "not tied to the server's owner")
  const checks: Check[] = [
    { what, tone: signedByMember ? 'good' : 'warn', why },
    {
      what: `${what}: since when`,
      tone: existed === undefined ? 'warn' : 'good',
      why: existed === undefined ? 'nothing proves it' : `proved since ${existed.since}`,
    },
  ]
  if (witnesses !== undefined)
    checks.push({
      what: `${what}: witnesses`,
      tone: witnesses.quorum ? 'good' : 'warn',
      why: witnesses.names.length === 0 ? 'none of the policy' : witnesses.names.join(', '),
    })
  return checks
}

function linkChecks({ linking, verdict }: Facts): Check[] {
  if (linking === undefined) return []
  const { previous, lastDigest } = linking
  const after = previous.digest === '' ? 'the first archive' : `after ${previous.file ?? previous.digest}`
  const why = `${after}; last digest ${lastDigest}`
  return [{ what: 'Chain of the archive', tone: verdict === 'TOTAL-FAILED' ? 'warn' : 'good', why }]
}

/**
 * A configuration that the user named is the basis of the verdict, not a check. One that the evidence itself contains is a
 * weakness.
 */
function configurationChecks({ configuration }: Facts): Check[] {
  const isOwn = configuration?.origin === 'the bundle itself'
  return isOwn ? [{ what: 'Configuration', tone: 'warn', why: OWN_CONFIGURATION }] : []
}

function reasonOf({ reason, subIndication }: Verdict): string {
  return subIndication === undefined ? reason : `${reason} (${subIndication})`
}
