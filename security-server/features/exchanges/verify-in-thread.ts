/** Verifies an exchange on a thread of its own: reading and hashing megabytes takes tenths of a second, in which no exchange waits. */
import { createPlaces } from '#platform/in-turn.ts'
import { askThread, type ThreadLimits } from '#platform/threads/ask-thread.ts'
import { Fault } from '#schemas/fault.ts'

/** The configuration in the bundle may be that of a large instance. */
const LIMITS: ThreadLimits = { timeMs: 110_000, oldGenerationMb: 1024 }
/** Auditors have one core, however many ask. */
const { run: inPlace } = createPlaces(1)

/**
 * The verdicts on a bundle that this server writes, by the configuration that it puts in. It is written only when its turn has come: in
 * memory there is one, however many wait. Throws `service_unavailable`, and as `write`.
 */
export function verifyInThread(write: () => Promise<Buffer>, now: number): Promise<unknown> {
  const script = new URL('./verify-worker.ts', import.meta.url)
  const refuse = (what: string, cause?: unknown) => new Fault('service_unavailable', { what, cause })
  return inPlace(async () => {
    const question = { bundle: await write(), now }
    return askThread({ script, question, limits: LIMITS, refuse })
  })
}
