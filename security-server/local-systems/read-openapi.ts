/**
 * Reads an OpenAPI document on a thread of its own. YAML of a few thousand characters can take hours, whoever
 * wrote it, and must not block exchanges.
 */
import { MAX_BYTES, refused } from '#core/openapi/read-document.ts'
import { createPlaces } from '#platform/in-turn.ts'
import { askThread, type ThreadLimits } from '#platform/threads/ask-thread.ts'
import { say } from '#schemas/said.ts'
import type { OpenApiSummary } from './summarise-openapi.ts'

/** A normal document of 2 MiB takes several seconds of one core. */
const LIMITS: ThreadLimits = { timeMs: 60_000, oldGenerationMb: 512 }
/** Documents are read one at a time, so that they occupy at most one core. */
const { run: inPlace } = createPlaces(1)

/** Reads JSON or YAML of at most 2 MiB. Throws `invalid_input` with what is wrong. */
export async function readOpenApi(text: string, limits: ThreadLimits = LIMITS): Promise<OpenApiSummary> {
  if (Buffer.byteLength(text) > MAX_BYTES) throw refused(say`it is larger than 2 MiB`)
  const script = new URL('./openapi-worker.ts', import.meta.url)
  const ask = () => askThread({ script, question: text, limits, refuse: refused })
  return (await inPlace(ask)) as OpenApiSummary
}
