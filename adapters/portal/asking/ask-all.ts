/**
 * Asks all systems that take part about one person, some at the same time, and tells each answer as it comes.
 */
import type { Answered, Failed } from '../joining/row.ts'
import { type AskLimits, askSystem, type Question } from './ask-system.ts'
import type { Asker } from './call-service.ts'
import { eachAsItEnds } from './each-as-it-ends.ts'
import type { System, Systems } from './find-systems.ts'
import { namesOf } from './names.ts'
import type { OwnServer } from './own-server.ts'

export type AskAll = (
  systems: Systems,
  q: { userCode: string; asker: Asker; from?: string; until?: string; signal: AbortSignal },
) => AsyncGenerator<Answered | Failed>

export function createAskAll(q: {
  server: Pick<OwnServer, 'service'>
  serviceCode: string
  atOnce: number
  wholeMs: number
  limits: AskLimits
}): AskAll {
  return (systems, { signal, ...asked }) => {
    const whole = AbortSignal.any([signal, AbortSignal.timeout(q.wholeMs)])
    const question: Question = { ...asked, names: namesOf(systems), signal: whole }
    return eachAsItEnds(systems.asked, q.atOnce, (system: System) =>
      askSystem(q.server, { system, serviceCode: q.serviceCode, question, limits: q.limits }),
    )
  }
}
