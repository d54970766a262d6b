/**
 * Asks the registers for people within bounds: how often one person may, and for how many at the same time.
 */
import { createHmac, randomBytes } from 'node:crypto'
import { limitCalls } from '#adapters/kit/limit-calls.ts'
import { type Clock, hasPassed } from '#platform/clock.ts'
import type { Answered, Failed } from '../joining/row.ts'
import type { Session } from '../login/sessions.ts'
import type { AskAll } from './ask-all.ts'
import type { Asker } from './call-service.ts'
import { askedSpanOf, type Span } from './chosen-days.ts'
import type { Systems } from './find-systems.ts'

export type Asking = {
  /**
   * Counts a question, which is under way until `gone`; false if the person has asked too often, or in too
   * many windows.
   */
  mayAsk(session: Session, gone: AbortSignal): boolean
  /** The answers, in the person's turn; they end with `gone` and with the session. Throws `source_busy`. */
  answersFor(
    session: Session,
    q: { systems: Systems; span: Span; gone: AbortSignal },
  ): AsyncGenerator<Answered | Failed>
  /** Runs `act` in its turn, such as fetching a proof. Throws `source_busy`. */
  inTurn<T>(act: () => Promise<T>): Promise<T>
  /** Takes one turn for all `expected` answers of `ask`, and tells each as it comes. Throws `source_busy`. */
  inTurnEach<T>(expected: number, ask: () => AsyncGenerator<T>): AsyncGenerator<T>
  /**
   * What the registers know the person by whose data it is: the one who is signed in, or the one for whom
   * they act.
   */
  userCode(session: Session): string
  /** What the registers know the person by who is signed in. */
  ownCode(session: Session): string
  askerOf(session: Session): Asker
}

type Counted = { hour: Window; day: Window; running: number }
type Window = { begunAt: number; asked: number }

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** How many full hours a person may use up in a day. */
const HOURS_A_DAY = 5
const MOST_AT_ONCE = 2
const MOST_PEOPLE = 100_000
const WAITING = 500
/**
 * For how long a person's turn lasts when nothing is left to ask and no answer comes: others need not wait
 * for a slow system.
 */
const LATE_MS = 2_000

export function createAsking(q: {
  ask: AskAll
  atOnce: number
  people: number
  wholeMs: number
  perHour: number
  country: string
  clock: Clock
}): Asking {
  const turn = limitCalls({ running: q.people, waiting: WAITING, waitMs: q.wholeMs })
  const ownCode = (session: Session): string => q.country + session.person.code
  const userCode = (session: Session): string => session.acting?.code ?? ownCode(session)
  const askerOf = (session: Session): Asker => {
    const { acting } = session
    const person = ownCode(session)
    return acting === undefined ? { person } : { person, represented: acting.code, issue: acting.mandate }
  }
  const mayAsk = createCounts(q)
  async function* inTurnEach<T>(expected: number, ask: () => AsyncGenerator<T>): AsyncGenerator<T> {
    const done = Promise.withResolvers<void>()
    await new Promise<void>((begin, refuse) => {
      const wait = (): Promise<void> => {
        begin()
        return done.promise
      }
      turn.run(wait).catch(refuse)
    })
    let left = expected
    let late: NodeJS.Timeout | undefined
    const watchLate = (): void => {
      clearTimeout(late)
      if (left <= q.atOnce) late = setTimeout(done.resolve, LATE_MS)
    }
    // Also a browser that reads slowly gives its place to others.
    const latest = setTimeout(done.resolve, q.wholeMs)
    try {
      watchLate()
      for await (const one of ask()) {
        left--
        watchLate()
        yield one
      }
    } finally {
      clearTimeout(late)
      clearTimeout(latest)
      done.resolve()
    }
  }

  return {
    ...{ userCode, ownCode, askerOf, inTurnEach },
    mayAsk: ({ person }, gone) => mayAsk(person.code, gone),
    inTurn: (act) => turn.run(act),
    answersFor(session, { systems, span, gone }) {
      const signal = AbortSignal.any([gone, session.ended])
      const asked = { userCode: userCode(session), asker: askerOf(session), ...askedSpanOf(span), signal }
      return inTurnEach(systems.asked.length, () => q.ask(systems, asked))
    },
  }
}

/**
 * Counts by person, whatever sessions they begin. A person is a keyed digest of their code, whose key is in
 * this process alone; who asked longest ago gives way.
 */
function createCounts(q: { perHour: number; clock: Clock }): (code: string, gone: AbortSignal) => boolean {
  const key = randomBytes(32)
  const people = new Map<string, Counted>()
  const windowOf = (known: Window | undefined, now: number, ms: number): Window =>
    known !== undefined && !hasPassed(now, known.begunAt, ms) ? known : { begunAt: now, asked: 0 }
  return (code, gone) => {
    const person = createHmac('sha256', key).update(code).digest('base64')
    const now = q.clock()
    const known = people.get(person)
    const hour = windowOf(known?.hour, now, HOUR_MS)
    const day = windowOf(known?.day, now, DAY_MS)
    const counted: Counted = known ?? { hour, day, running: 0 }
    counted.hour = hour
    counted.day = day
    people.delete(person)
    people.set(person, counted)
    if (people.size > MOST_PEOPLE) people.delete(people.keys().next().value as string)
    if (hour.asked >= q.perHour || day.asked >= q.perHour * HOURS_A_DAY || counted.running >= MOST_AT_ONCE)
      return false
    hour.asked++
    day.asked++
    if (gone.aborted) return true
    counted.running++
    gone.addEventListener('abort', () => void counted.running--, { once: true })
    return true
  }
}
