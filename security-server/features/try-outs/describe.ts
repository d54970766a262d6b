/**
 * Reads the document of a provider on a thread of its own: whoever wrote it, exchanges do not wait for it.
 */
import { createPlaces } from '#platform/in-turn.ts'
import { askThread, type ThreadLimits } from '#platform/threads/ask-thread.ts'
import { Fault } from '#schemas/fault.ts'
import type { Described, Description } from './described.ts'

const LIMITS: ThreadLimits = { timeMs: 10_000, oldGenerationMb: 256 }
/** Documents have one core, however many wait. */
const { run: inPlace } = createPlaces(1)

/** Throws `untryable_description` that says what in the document cannot be read. */
export async function describe(question: Described, limits: ThreadLimits = LIMITS): Promise<Description> {
  const script = new URL('./describe-worker.ts', import.meta.url)
  const refuse = (what: string, cause?: unknown): Fault => new Fault('untryable_description', { what, cause })
  try {
    return (await inPlace(() => askThread({ script, question, limits, refuse }))) as Description
  } catch (thrown) {
    if (!(thrown instanceof Fault) || thrown.code === 'untryable_description') throw thrown
    throw refuse(thrown.what ?? thrown.code, thrown)
  }
}
