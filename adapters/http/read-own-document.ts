/** Reads the system's own OpenAPI document, from a file or from the system itself, within bounds. */
import { readFile } from 'node:fs/promises'
import { openSystem } from '#adapters/kit/system/open-system.ts'
import { collectBytes } from '#core/transport/collect-bytes.ts'
import { createPlaces } from '#platform/in-turn.ts'
import { askThread, type ThreadLimits } from '#platform/threads/ask-thread.ts'
import { Fault } from '#schemas/fault.ts'
import type { HttpSettings } from './settings.ts'

const MAX_BYTES = 2 * 1024 * 1024
/** A normal document of 2 MiB takes several seconds of one core. */
const LIMITS: ThreadLimits = { timeMs: 60_000, oldGenerationMb: 512 }
/** Documents are read one at a time, so that they occupy at most one core. */
const { run: inPlace } = createPlaces(1)

/**
 * Undefined when the settings name none. Throws `invalid_configuration` for a document that cannot be read,
 * and `source_unavailable` while the system that has it is away.
 */
export async function readOwnDocument(
  settings: HttpSettings,
  limits: ThreadLimits = LIMITS,
): Promise<Record<string, unknown> | undefined> {
  const { file, url } = settings.description
  if (file === undefined && url === undefined) return undefined
  const where = file ?? new URL(settings.system.url).origin + url
  const bytes = file === undefined ? await fetchDocument(settings, url!, where) : await readDocument(file)
  if (bytes.length > MAX_BYTES) throw wrong(`${where} is larger than ${MAX_BYTES} bytes`)
  const script = new URL('./own-document-worker.ts', import.meta.url)
  const refuse = (why: string, cause?: unknown): Fault => wrong(`${where}: ${why}`, cause)
  const ask = () => askThread({ script, question: { bytes, where }, limits, refuse })
  return (await inPlace(ask)) as Record<string, unknown>
}

async function readDocument(file: string): Promise<Buffer> {
  return readFile(file).catch((cause: unknown) => {
    throw wrong(`${file} cannot be read`, cause)
  })
}

async function fetchDocument(settings: HttpSettings, target: string, where: string): Promise<Buffer> {
  const limits = { ...settings.limits, answerBytes: MAX_BYTES }
  const system = await openSystem({ system: settings.system, limits })
  try {
    const headers = { accept: 'application/json, application/yaml;q=0.9, */*;q=0.1' }
    const { status, body } = await system.call({ method: 'GET', target, headers })
    const { write, bytes } = collectBytes(MAX_BYTES, () => new Fault('answer_too_large'))
    for await (const piece of body as AsyncIterable<Buffer>) write(piece)
    if (status !== 200) throw wrong(`${where} answered ${status}`)
    return bytes()
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.code !== 'answer_too_large') throw thrown
    throw wrong(`${where} gives no document of at most ${MAX_BYTES} bytes`, thrown)
  } finally {
    await system.close()
  }
}

function wrong(what: string, cause?: unknown): Fault {
  return new Fault('invalid_configuration', { what, cause })
}
