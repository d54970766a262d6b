/** Asks the registers for people within bounds: how often one person may, and for how many at the same time. */
import { limitCalls } from '#adapters/kit/limit-calls.ts'
import type { Clock } from '#platform/clock.ts'
import type { Answered, Failed } from '../joining/row.ts'
import type { Session } from '../login/sessions.ts'
import type { AskAll } from './ask-all.ts'
import type { Systems } from './find-systems.ts'

/** Days "2026-11-29", both included. */
export type Period = { from?: string; until?: string }

export type Asking = {
  /** Counts a question; false if the person has asked too often. */
  mayAsk(session: Session): boolean
  /** The answers, in the person's turn; they end with `gone` and with the session. Throws `source_busy`. */
  answersFor(
    session: Session,
    q: { systems: Systems; period: Period; gone: AbortSignal },
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
    async *answersFor(session, { systems, period, gone }) {
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
        yield* q.ask(systems, { userCode: userCode(session), ...instantsOf(period), signal })
      } finally {
        done.resolve()
      }
    },
  }
}

function instantsOf({ from, until }: Period): Period {
  const after = until === undefined ? undefined : Date.parse(until) + 24 * HOUR_MS
  return {
    ...(from !== undefined && { from: `${from}T00:00:00.000Z` }),
    ...(after !== undefined && { until: new Date(after).toISOString() }),
  }
}
