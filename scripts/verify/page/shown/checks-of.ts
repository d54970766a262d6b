/**
 * Turns the facts of a report (as printed by --json) into a list of checks, each with its state and the
 * verifier's reason.
 */

import { consentInWords, previewInWords } from '#core/circumstances/consent.ts'
import { graceSince } from '#core/circumstances/grace.ts'
import { circumstancesInWords } from '#core/circumstances/in-words.ts'
import { representationInWords } from '#core/circumstances/representation.ts'
import type { Circumstances } from '#schemas/circumstances.ts'
import type { Report } from '../../report.ts'
import { now, type TextKey, type Tone, text, textIfAny } from './texts.ts'

/** Words in the reader's language, and words of the verifier, which are English as long as they are facts. */
export type Words = (string | { english: string })[]
type Check = { what: string; tone: Tone; why: Words }

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
  log?: string
  proved?: { log: string; checkpoints: Head[]; records: RecordFacts[] }
  linking?: { lastDigest: string; previous: { digest: string; file?: string } }
  statement?: { counts: Record<string, number>; day: string }
  /** `own` only where the reader's own instance counts; null when the configuration does not name it. */
  configuration?: { instances?: string[]; origin: string; own?: string | null }
  judgedAt?: string
  checks?: { what: string; state: Tone; why: string }[]
}

const TONES: Record<string, Tone> = { 'TOTAL-PASSED': 'good', 'TOTAL-FAILED': 'bad' }
const toneOf = ({ verdict }: { verdict: string }): Tone => TONES[verdict] ?? 'warn'

export function checksOf({ facts }: Pick<Report, 'facts'>): Check[] {
  const all = facts as Facts
  const { records = all.proved?.records ?? [], checkpoints = all.proved?.checkpoints ?? [] } = all
  return [
    ...(all.checks ?? []).map(ownCheck),
    ...containerChecks(all),
    ...records.flatMap(recordChecks),
    ...(all.containers ?? []).map((one) => ({ what: one.name, tone: toneOf(one), why: reasonOf(one) })),
    ...checkpoints.flatMap(headChecks),
    ...linkChecks(all),
    ...configurationChecks(all),
  ]
}

/**
 * The names of the own checks of an export and of a saved use; a bundle in an export is named by its file.
 */
const OWN_CHECKS: Record<string, TextKey> = {
  'Rows and filter': 'exportRows',
  Range: 'exportRange',
  'Left out': 'exportLeftOut',
  'Daily counts': 'exportCounts',
  'Signed state of the log': 'exportHead',
  Evidence: 'exportEvidence',
  Asked: 'useAsked',
  Asking: 'useAsking',
  Together: 'useTogether',
  Names: 'useNames',
}

function ownCheck({ what, state, why }: NonNullable<Facts['checks']>[number]): Check {
  const key = Object.hasOwn(OWN_CHECKS, what) ? OWN_CHECKS[what] : undefined
  return { what: key === undefined ? what : text(key), tone: state, why: [{ english: why }] }
}

/**
 * Statements of a container about itself count only if its verdict is good; otherwise they are marked as its
 * own words.
 */
function containerChecks({ signer, signingTime, timeStamp, covers = [], ...verdict }: Container): Check[] {
  const holds = toneOf(verdict) === 'good'
  const tone = holds ? 'good' : 'warn'
  const checks: Check[] = []
  if (signer !== undefined)
    checks.push({ what: text('signer'), tone, why: [signerText(signer, signingTime, holds)] })
  if (timeStamp !== undefined) {
    const { time, tsa: authority } = timeStamp
    checks.push({ what: text('timeStamp'), tone, why: [text('timeStampBy', { time, authority })] })
  }
  for (const { name, covered, present } of covers)
    checks.push({
      what: text('covers', { name }),
      tone: covered ? tone : 'bad',
      why: [text(covered ? (present ? 'covered' : 'leftOut') : 'notSigned')],
    })
  return checks
}

function signerText(signer: string, time: string | undefined, holds: boolean): string {
  if (holds) return time === undefined ? signer : text('signerBy', { signer, time })
  return time === undefined ? text('byOwnWords', { signer }) : text('byOwnWordsAt', { signer, time })
}

function recordChecks({ index, form, container, circumstances, metadata, ...verdict }: RecordFacts): Check[] {
  const { direction } = form
  const key = direction === 'in' ? 'recordIn' : direction === 'out' ? 'recordOut' : 'record'
  const why: Words = reasonOf(verdict)
  if (container?.signer !== undefined) why.push(` ${text('signedBy', { signer: container.signer })}`)
  if (container?.timeStamp !== undefined)
    why.push(` ${text('stampedAt', { time: container.timeStamp.time })}`)
  const tone = toneOf(verdict)
  const kind = textIfAny(`kind.${form.kind}`) ?? form.kind
  const checks: Check[] = [{ what: text(key, { index, kind }), tone, why }]
  // Shown only for a request, because the reply to a request has the same circumstances.
  if (circumstances !== undefined && form.kind === 'request')
    checks.push({
      what: text('circumstancesOf', { index }),
      tone,
      why: [
        circumstancesInWords(circumstances, now().circumstances)
          .map(([label, said]) => `${label}: ${said}.`)
          .join(' '),
      ],
    })
  const represented =
    form.kind === 'request' ? representationInWords(metadata, now().representation) : undefined
  if (represented !== undefined)
    checks.push({ what: text('representedOf', { index }), tone, why: [`${represented}.`] })
  const consent = form.kind === 'request' ? consentInWords(metadata) : undefined
  if (consent !== undefined) checks.push({ what: text('consentOf', { index }), tone, why: [`${consent}.`] })
  const since = form.kind === 'request' ? graceSince(metadata) : undefined
  if (since !== undefined)
    checks.push({ what: text('graceOf', { index }), tone, why: [text('graceSince', { time: since })] })
  const preview = previewInWords(metadata)
  if (preview !== undefined) checks.push({ what: text('previewOf', { index }), tone, why: [`${preview}.`] })
  return checks
}

function headChecks({ size, signedByMember, reason, existed, witnesses }: Head): Check[] {
  const count = size
  const checks: Check[] = [
    {
      what: text('head', { count }),
      tone: signedByMember ? 'good' : 'warn',
      why: [
        signedByMember ? text('headOwner') : reason === undefined ? text('headNobody') : { english: reason },
      ],
    },
    {
      what: text('headSince', { count }),
      tone: existed === undefined ? 'warn' : 'good',
      why: [existed === undefined ? text('sinceNothing') : text('since', { time: existed.since })],
    },
  ]
  if (witnesses !== undefined)
    checks.push({
      what: text('headWitnesses', { count }),
      tone: witnesses.quorum ? 'good' : 'warn',
      why: [witnesses.names.length === 0 ? text('witnessesNone') : witnesses.names.join(', ')],
    })
  return checks
}

function linkChecks({ linking, verdict }: Facts): Check[] {
  if (linking === undefined) return []
  const { previous, lastDigest: digest } = linking
  const why =
    previous.digest === ''
      ? text('chainFirst', { digest })
      : text('chainAfter', { previous: previous.file ?? previous.digest, digest })
  return [{ what: text('chain'), tone: verdict === 'TOTAL-FAILED' ? 'warn' : 'good', why: [why] }]
}

/**
 * A configuration that the user named is the basis of the verdict, not a check. One that the evidence itself
 * contains is a weakness.
 */
function configurationChecks({ configuration }: Facts): Check[] {
  const isOwn = configuration?.origin === 'the bundle itself'
  return isOwn ? [{ what: text('configuration'), tone: 'warn', why: [text('ownConfiguration')] }] : []
}

function reasonOf({ reason, subIndication }: Verdict): Words {
  return [{ english: reason }, ...(subIndication === undefined ? [] : [` (${subIndication})`])]
}
