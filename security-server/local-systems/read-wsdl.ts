/**
 * Reads a WSDL document on a thread of its own: others wrote it, some take seconds, and exchanges must not
 * wait.
 */
import { MAX_BYTES, refused } from '#core/wsdl/elements.ts'
import { createPlaces } from '#platform/in-turn.ts'
import { askThread, type ThreadLimits } from '#platform/threads/ask-thread.ts'
import { say } from '#schemas/said.ts'
import type { WsdlSummary } from './summarise-wsdl.ts'

const LIMITS: ThreadLimits = { timeMs: 60_000, oldGenerationMb: 512 }
/** Documents have one core, however many wait. */
const { run: inPlace } = createPlaces(1)

/** Reads a document of at most 2 MiB. Throws `invalid_input` that says what is wrong. */
export async function readWsdl(text: string, limits: ThreadLimits = LIMITS): Promise<WsdlSummary> {
  if (Buffer.byteLength(text) > MAX_BYTES) throw refused(say`it is larger than 2 MiB`)
  const script = new URL('./wsdl-worker.ts', import.meta.url)
  return (await inPlace(() => askThread({ script, question: text, limits, refuse: refused }))) as WsdlSummary
}
