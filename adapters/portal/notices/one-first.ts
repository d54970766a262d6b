/**
 * Asks several systems to tell a person at one address. Guarantees that an address which nobody confirmed
 * gets the code of one system alone: the others are asked once it is confirmed there. So no form makes many
 * systems write to a stranger.
 */
import type { JsonAnswer, NotCalled } from '../asking/call-service.ts'
import type { System } from '../asking/find-systems.ts'
import { readAsked } from './read-notices.ts'

/** `first`: it was not asked, as another has to confirm the address before. */
export type Told = { system: System; answer: JsonAnswer | NotCalled | 'first' }

/**
 * `mayAsk` counts a question, for each system after the first; of those that it refuses the answer is 429.
 */
export async function* askOneFirst(
  systems: readonly System[],
  q: {
    mayAsk(): boolean
    each(systems: readonly System[]): AsyncGenerator<{ system: System; answer: JsonAnswer | NotCalled }>
  },
): AsyncGenerator<Told> {
  const refused = { status: 429, json: undefined }
  let isCounted = true
  for (const [at, system] of systems.entries()) {
    const others = systems.slice(at + 1)
    let answer: JsonAnswer | NotCalled = refused
    if (isCounted || q.mayAsk()) for await (const one of q.each([system])) answer = one.answer
    isCounted = false
    yield { system, answer }
    // It surely sent nothing: the next one is the first.
    if ('status' in answer && answer.status >= 400 && answer.status < 500) continue
    const state = 'status' in answer ? readAsked(answer.json)?.notice.state : undefined
    if (state !== 'confirmed') {
      for (const other of others) yield { system: other, answer: 'first' }
      return
    }
    const asked: System[] = []
    for (const other of others)
      if (q.mayAsk()) asked.push(other)
      else yield { system: other, answer: refused }
    if (asked.length > 0) yield* q.each(asked)
    return
  }
}
