/** Asks the registers for people within bounds: how often one person may, and for how many at the same time. */
import { limitCalls } from '#adapters/kit/limit-calls.ts'
import type { Clock } from '#platform/clock.ts'
import type { Answered, Failed } from '../joining/row.ts'
import type { Session } from '../login/sessions.ts'
import type { AskAll } from './ask-all.ts'
import { askedSpanOf, type Span } from './chosen-days.ts'
import type { Systems } from './find-systems.ts'

export type Asking = {
  /** Counts a question; false if the person has asked too often. */
  mayAsk(session: Session): boolean
  /** The answers, in the person's turn; they end with `gone` and with the session. Throws `source_busy`. */
  answersFor(
    session: Session,
    q: { systems: Systems; span: Span; gone: AbortSignal },
  ): AsyncGenerator<Answered | Failed>
  /** What the registers know the person by. */
  userCode(session: Session): string
}

const HOUR_MS = 3_600_000
const WAITING = 500

export function createAsking(q: {
  ask: AskAll
  people: number
  wholeMs: number
  perHour: number
  country: string
  clock: Clock
}): Asking {
  const turn = limitCalls({ running: q.people, waiting: WAITING, waitMs: q.wholeMs })
  const userCode = (session: Session): string => q.country + session.person.code
  return {
    userCode,
    mayAsk(session) {
      const now = q.clock()
      session.askedAt = session.askedAt.filter((at) => now - at < HOUR_MS)
      if (session.askedAt.length >= q.perHour) return false
      session.askedAt.push(now)
      return true
    },
    async *answersFor(session, { systems, span, gone }) {
      const done = Promise.withResolvers<void>()
      await new Promise<void>((begin, refuse) => {
        const wait = (): Promise<void> => {
          begin()
          return done.promise
        }
        turn.run(wait).catch(refuse)
      })
      try {
        const signal = AbortSignal.any([gone, session.ended])
        yield* q.ask(systems, { userCode: userCode(session), ...askedSpanOf(span), signal })
      } finally {
        done.resolve()
      }
    },
  }
}
