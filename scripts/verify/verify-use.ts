/**
 * `concordat verify` of a use of a person's data that the portal saved: whether the proof of each side proves
 * what that side said, whether both prove one message, and what no proof shows.
 */
import { configurationIn } from '#core/evidence-bundle/bundle.ts'
import {
  type JudgedUse,
  judgeUse,
  tieOf,
  type UseDoubt,
  type UseTie,
} from '#core/evidence-bundle/judge-use.ts'
import { readBundle } from '#core/evidence-bundle/read-bundle.ts'
import { readSavedUse, type SavedSide, type SavedUse } from '#core/evidence-bundle/saved-use.ts'
import { printable } from '#platform/plain-text.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { configurationOf, type LoadedConfiguration } from './configuration-files.ts'
import type { Report } from './report.ts'

type Question = {
  file: string
  content: string | Buffer
  /** Without a configuration each proof is verified by the one that it contains. */
  configuration: LoadedConfiguration | undefined
  judgedAt: Date
}

type Check = { what: string; state: 'good' | 'warn' | 'bad'; why: string }
type Verdict = { verdict: string; subIndication?: string; reason: string }
type Judged = { side: SavedSide; use: JudgedUse | undefined }

const DOUBTS: Record<UseDoubt, string> = {
  unreadable: String(say`Its proof cannot be read, or is no proof of one use.`),
  place: String(say`Its proof does not lead to the signed state of the log.`),
  leaf: String(say`Its proof is of another record than it named.`),
  words: String(say`Its record has another time, side, contract or end than it said.`),
  server: String(say`Its proof is of the log of a server that does not serve it.`),
  unsigned: String(
    say`Its record stands in a log, but nobody is known to be the owner who signed the log's state.`,
  ),
}

const TIES: Record<UseTie, Omit<Check, 'what'>> = {
  message: {
    state: 'good',
    why: String(
      say`Both logs hold the same signature, which the side that asked made: they are of one question, or of questions that were signed together.`,
    ),
  },
  apart: {
    state: 'bad',
    why: String(say`The two logs hold different signatures: they are of two messages.`),
  },
  unsigned: {
    state: 'warn',
    why: String(say`One of the records has no signature, so nothing ties the two.`),
  },
  'one log': {
    state: 'warn',
    why: String(say`Both records stand in one log, so one server alone proves both.`),
  },
}

const NOT_PROVEN = String(
  say`Not proven: the message id, who asked which service, for what purpose, and about whom. A proof opens nothing of a message, so that nobody can try codes of people against it: these are the words of the systems.`,
)
const OWN = 'the bundle itself'

/** Throws `io_error` and the faults of reading the configuration in a proof. */
export async function verifyUse(q: Question): Promise<Report> {
  const saved = await readSavedUse(q.content).catch((thrown: unknown) => thrown)
  if (saved instanceof Fault && saved.code === 'malformed_bundle') {
    const { code, message: reason } = saved
    const verdict = { verdict: 'TOTAL-FAILED', subIndication: 'FORMAT_FAILURE', reason }
    return reportOf(q, { verdict, facts: { code }, checks: [], origin: undefined, lines: [] })
  }
  if (saved instanceof Error) throw saved
  const { sides, savedAt } = saved as SavedUse
  const judged: Judged[] = []
  for (const side of sides) judged.push({ side, use: await judgeSide(side, q) })
  const checks = [
    ...judged.map(checkOf),
    ...togetherIn(judged),
    { what: 'Names', state: 'warn' as const, why: NOT_PROVEN },
  ]
  const said = judged.map(({ side }) => ({ ...side.said, ...side.more }))
  const origin = q.configuration?.origin ?? OWN
  const lines = said.map(
    ({ role, system, time, messageId }) =>
      `  ${role.padEnd(16)}${system} says: at ${time}, message ${messageId || 'not named'}`,
  )
  return reportOf(q, { verdict: verdictOf(checks), facts: { savedAt, said }, checks, origin, lines })
}

async function judgeSide({ said, proof }: SavedSide, q: Question): Promise<JudgedUse | undefined> {
  if (proof === undefined) return undefined
  const configuration = q.configuration?.indexes ?? (await broughtBy(proof))
  return judgeUse({ said, proof, configuration, now: q.judgedAt })
}

async function broughtBy(proof: Buffer): Promise<LoadedConfiguration['indexes']> {
  try {
    return (await configurationOf(configurationIn(await readBundle(proof)), OWN)).indexes
  } catch (thrown) {
    // Whatever is no bundle is judged as one that cannot be read.
    if (asFault(thrown).code === 'malformed_bundle') return new Map()
    throw thrown
  }
}

function checkOf({ side, use }: Judged): Check {
  const what = side.said.role === 'provider' ? 'Asked' : 'Asking'
  if (use === undefined) return { what, state: 'warn', why: String(say`Its proof could not be had.`) }
  if (use.doubt !== undefined)
    return { what, state: use.doubt === 'unsigned' ? 'warn' : 'bad', why: DOUBTS[use.doubt] }
  return {
    what,
    state: 'good',
    why: String(
      say`Its record stands in the log ${use.log}, under a state that the owner of that server signed: that there was such a message, when, under which contract, and how it ended.`,
    ),
  }
}

function togetherIn(judged: readonly Judged[]): Check[] {
  const what = 'Together'
  const [provider, consumer] = (['provider', 'consumer'] as const).map(
    (role) => judged.find(({ side }) => side.said.role === role)?.use,
  )
  if (judged.length < 2) return [{ what, state: 'warn', why: String(say`One side alone told of it.`) }]
  if (
    provider === undefined ||
    consumer === undefined ||
    provider.doubt !== undefined ||
    consumer.doubt !== undefined
  )
    return []
  return [{ what, ...TIES[tieOf(provider, consumer)] }]
}

/** What no proof shows is not proven of any use, so that alone lets no use fail. */
function verdictOf(checks: readonly Check[]): Verdict {
  const bad = checks.find(({ state }) => state === 'bad')
  if (bad !== undefined) return { verdict: 'TOTAL-FAILED', subIndication: 'HASH_FAILURE', reason: bad.why }
  const open = checks.find(({ state, what }) => state === 'warn' && what !== 'Names')
  return open === undefined
    ? { verdict: 'TOTAL-PASSED', reason: String(say`Both sides are proven, and both by one message.`) }
    : { verdict: 'INDETERMINATE', subIndication: 'SIGNED_DATA_NOT_FOUND', reason: open.why }
}

function reportOf(
  { file, judgedAt, configuration }: Question,
  q: { verdict: Verdict; facts: object; checks: Check[]; origin: string | undefined; lines: string[] },
): Report {
  const { verdict, checks, origin } = q
  const { subIndication } = verdict
  const at = judgedAt.toISOString()
  const head = `${file}: ${verdict.verdict}${subIndication === undefined ? '' : `, ${subIndication}`}`
  const text = [
    ...[head, `  ${verdict.reason}`, ...q.lines],
    ...checks.map(({ what, why }) => `  ${what.toLowerCase().padEnd(16)}${why}`),
    ...(origin === undefined ? [] : [`  configuration   ${origin}`]),
    `  judged at       ${at}`,
  ]
  const by = origin && { configuration: { instances: [...(configuration?.indexes.keys() ?? [])], origin } }
  return {
    kind: 'use',
    passed: verdict.verdict === 'TOTAL-PASSED',
    facts: { file, ...verdict, ...q.facts, checks, ...by, judgedAt: at },
    text: `${text.map(printable).join('\n')}\n`,
  }
}
