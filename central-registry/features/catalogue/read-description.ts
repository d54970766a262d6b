/**
 * Reads the descriptions in an OpenAPI or WSDL document, in a separate thread: a stranger wrote the document,
 * and a few thousand characters of YAML can take hours.
 */
import { createPlaces } from '#platform/in-turn.ts'
import { askThread, type ThreadLimits } from '#platform/threads/ask-thread.ts'
import { Fault } from '#schemas/fault.ts'
import { type Description, NONE, UNREADABLE } from './read-answers.ts'

/** A usual document of 1 MiB takes a core one or two seconds. */
const LIMITS: ThreadLimits = { timeMs: 60_000, oldGenerationMb: 512 }
/** Strangers' documents use one core at most, however many wait. */
const { run: inPlace } = createPlaces(1)

/**
 * The description without fields that cannot be read; an empty one that opens nothing when reading exceeds
 * `limits`. Never throws.
 */
export async function readDescription(
  document: Buffer | undefined,
  limits: ThreadLimits = LIMITS,
): Promise<Description> {
  if (document === undefined) return NONE
  return read({ type: 'OPENAPI', document }, limits).then(
    (value) => value as Description,
    // Only the provider can correct this; its document is stored unchanged.
    () => UNREADABLE,
  )
}

/**
 * The operations that a WSDL describes, by `code` or `code/version`; none when it cannot be read. Never
 * throws.
 */
export async function readWsdlOperations(
  document: Buffer,
  limits: ThreadLimits = LIMITS,
): Promise<ReadonlyMap<string, Description>> {
  return read({ type: 'WSDL', document }, limits).then(
    (value) => new Map(value as [string, Description][]),
    () => new Map(),
  )
}

function read(
  question: { type: 'OPENAPI' | 'WSDL'; document: Buffer },
  limits: ThreadLimits,
): Promise<unknown> {
  const script = new URL('./description-worker.ts', import.meta.url)
  const refuse = (what: string, cause?: unknown): Fault => new Fault('invalid_input', { what, cause })
  return inPlace(() => askThread({ script, question, limits, refuse }))
}
