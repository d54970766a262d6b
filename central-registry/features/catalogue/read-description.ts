/**
 * Reads what an OpenAPI document says of its service on a thread of its own: a stranger wrote it, and YAML of a few
 * thousand characters can take hours.
 */
import { createPlaces } from '#platform/in-turn.ts'
import { askThread, type ThreadLimits } from '#platform/threads/ask-thread.ts'
import { Fault } from '#schemas/fault.ts'
import { type Description, NONE } from './read-answers.ts'

/** A usual document of 1 MiB takes a second or two of a core. */
const LIMITS: ThreadLimits = { timeMs: 60_000, oldGenerationMb: 512 }
/** Strangers' documents have one core, whoever else waits. */
const { run: inPlace } = createPlaces(1)

/** Without what cannot be read, or not within `limits`; never throws. */
export async function readDescription(
  document: Buffer | undefined,
  limits: ThreadLimits = LIMITS,
): Promise<Description> {
  if (document === undefined) return NONE
  const script = new URL('./description-worker.ts', import.meta.url)
  const refuse = (what: string, cause?: unknown): Fault => new Fault('invalid_input', { what, cause })
  return inPlace(() => askThread({ script, question: document, limits, refuse })).then(
    (value) => value as Description,
    // Nobody's fault but the provider's; the document is kept as it came.
    () => NONE,
  )
}
