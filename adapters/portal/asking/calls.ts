/**
 * What a section asks of other systems for the person who is signed in: of one, or of all that offer a
 * service. Guarantees that people take turns, and that what is under way for a person ends with their session
 * and their browser.
 */
import type { Session } from '../login/sessions.ts'
import {
  type Asker,
  type CallLimits,
  callService,
  type JsonAnswer,
  type NotCalled,
  type ServiceCall,
} from './call-service.ts'
import { eachAsItEnds } from './each-as-it-ends.ts'
import type { System } from './find-systems.ts'
import type { Asking } from './in-turn.ts'
import type { OwnServer } from './own-server.ts'

/** A call as a section makes it: who asks, and for whom, is the session's. */
type PersonCall = Omit<ServiceCall, keyof Asker | 'signal'> & {
  /** For the person who is signed in, whomever they act for. */
  asOneself?: true
}
export type Call = (q: PersonCall) => Promise<JsonAnswer | NotCalled>

export type Calls = {
  /** Asks one system; it ends with `gone`. Never throws. */
  call(session: Session, gone: AbortSignal, q: PersonCall): Promise<JsonAnswer | NotCalled>
  /**
   * Does `ask`, which never throws, for each of these systems, some at the same time, and tells each result
   * as it comes. Throws `source_busy`.
   */
  each<T>(
    session: Session,
    gone: AbortSignal,
    q: { systems: readonly System[]; ask(system: System, call: Call): Promise<T> },
  ): AsyncGenerator<T>
}

export function createCalls(q: {
  server: Pick<OwnServer, 'service'>
  asking: Pick<Asking, 'inTurn' | 'inTurnEach' | 'askerOf' | 'ownCode'>
  limits: CallLimits & { atOnce: number; wholeMs: number }
}): Calls {
  const { server, asking, limits } = q

  function callFor(session: Session, gone: AbortSignal): Call {
    const signal = AbortSignal.any([gone, session.ended])
    return ({ asOneself, ...asked }) => {
      const asker = asOneself === true ? { person: asking.ownCode(session) } : asking.askerOf(session)
      return callService(server, { ...asked, ...asker, signal }, limits)
    }
  }

  return {
    call: (session, gone, asked) =>
      asking
        .inTurn(() => callFor(session, gone)(asked))
        // Too many others wait.
        .catch(() => ({ why: 'busy' as const, code: '', isOpen: false })),
    each(session, gone, { systems, ask }) {
      const call = callFor(session, AbortSignal.any([gone, AbortSignal.timeout(limits.wholeMs)]))
      return asking.inTurnEach(systems.length, () =>
        eachAsItEnds(systems, limits.atOnce, (system) => ask(system, call)),
      )
    },
  }
}
