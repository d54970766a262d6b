/**
 * What a section asks of other systems for the person who is signed in: of one, or of all that offer a service. Guarantees that people
 * take turns, and that what is under way for a person ends with their session and their browser.
 */
import type { Session } from '../login/sessions.ts'
import {
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

/** A call as a section makes it: who asks is the person of the session, and it ends with `gone`. */
type PersonCall = Omit<ServiceCall, 'person' | 'signal'> & { gone: AbortSignal }

export type Calls = {
  /** Asks one system. Never throws. */
  call(session: Session, q: PersonCall): Promise<JsonAnswer | NotCalled>
  /** Asks all these systems for their service `code`, some at the same time, and tells each answer as it comes. Throws `source_busy`. */
  callAll(
    session: Session,
    systems: readonly System[],
    q: Omit<PersonCall, 'service'> & { code: string },
  ): AsyncGenerator<{ system: System; answer: JsonAnswer | NotCalled }>
}

export function createCalls(q: {
  server: Pick<OwnServer, 'service'>
  asking: Pick<Asking, 'inTurn' | 'inTurnEach' | 'userCode'>
  limits: CallLimits & { atOnce: number; wholeMs: number }
}): Calls {
  const { server, asking, limits } = q

  function callNow(session: Session, { gone, ...asked }: PersonCall): Promise<JsonAnswer | NotCalled> {
    const signal = AbortSignal.any([gone, session.ended])
    return callService(server, { ...asked, person: asking.userCode(session), signal }, limits)
  }

  return {
    call: (session, asked) =>
      asking
        .inTurn(() => callNow(session, asked))
        // Too many others wait.
        .catch(() => ({ why: 'busy' as const, code: '', isOpen: false })),
    callAll(session, systems, { code, ...asked }) {
      const gone = AbortSignal.any([asked.gone, AbortSignal.timeout(limits.wholeMs)])
      return asking.inTurnEach(systems.length, () =>
        eachAsItEnds(systems, limits.atOnce, async (system) => ({
          system,
          answer: await callNow(session, { ...asked, gone, service: `${system.id}/${code}` }),
        })),
      )
    },
  }
}
