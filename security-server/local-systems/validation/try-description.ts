/**
 * Compiles a description on a thread of its own that ends afterwards: before validation is switched on, and
 * for a message that is tried without being sent. Exchanges do not wait for it.
 */
import type { Violation } from '#core/openapi/rest-message.ts'
import { createPlaces } from '#platform/in-turn.ts'
import { askThread, type ThreadLimits } from '#platform/threads/ask-thread.ts'
import { Fault } from '#schemas/fault.ts'
import type { Described, TryQuestion } from './described-message.ts'

/**
 * What is compiled here must be compiled on the thread of exchanges too, which has more time: machines may be
 * busy.
 */
const LIMITS: ThreadLimits = { timeMs: 10_000, oldGenerationMb: 512 }
/** Documents have one core, however many wait. */
const { run: inPlace } = createPlaces(1)

/** Throws `invalid_input` that says what in the document cannot be compiled. */
export async function checkDescription(document: Described, limits: ThreadLimits = LIMITS): Promise<void> {
  await tryDescription({ document, messages: [] }, limits)
}

/** What in each message is not as described; undefined for one that is. Throws as `checkDescription`. */
export async function tryDescription(
  question: TryQuestion,
  limits: ThreadLimits = LIMITS,
): Promise<(Violation | undefined)[]> {
  const script = new URL('./try-worker.ts', import.meta.url)
  const refuse = (what: string, cause?: unknown) =>
    new Fault('invalid_input', { what: `${question.document.type} document: ${what}`, cause })
  return (await inPlace(() => askThread({ script, question, limits, refuse }))) as (Violation | undefined)[]
}
