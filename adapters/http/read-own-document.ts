/** Reads the system's own OpenAPI document, from a file or from the system itself, within bounds. */
import { readFile } from 'node:fs/promises'
import { parseDocument } from 'yaml'
import { openSystem } from '#adapters/kit/system/open-system.ts'
import { collectBytes } from '#core/transport/collect-bytes.ts'
import { Fault } from '#schemas/fault.ts'
import type { HttpSettings } from './settings.ts'

const MAX_BYTES = 2 * 1024 * 1024
const MAX_ALIASES = 100
const VERSION = /^3\.[01]\.\d{1,5}$/

/**
 * Undefined when the settings name none. Throws `invalid_configuration` for a document that cannot be read, and
 * `source_unavailable` while the system that has it is away.
 */
export async function readOwnDocument(settings: HttpSettings): Promise<Record<string, unknown> | undefined> {
  const { file, url } = settings.description
  if (file === undefined && url === undefined) return undefined
  const where = file ?? new URL(settings.system.url).origin + url
  const bytes = file === undefined ? await fetchDocument(settings, url!, where) : await readDocument(file)
  if (bytes.length > MAX_BYTES) throw wrong(`${where} is larger than ${MAX_BYTES} bytes`)
  return parse(bytes, where)
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

function parse(bytes: Buffer, where: string): Record<string, unknown> {
  let value: unknown
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    value = text.trimStart().startsWith('{') ? JSON.parse(text) : parseYaml(text)
    // An alias inside itself has no end.
    JSON.stringify(value)
  } catch (cause) {
    throw wrong(`${where} is neither JSON nor YAML`, cause)
  }
  const { openapi, paths } = (value ?? {}) as { openapi?: unknown; paths?: unknown }
  if (typeof openapi !== 'string' || !VERSION.test(openapi) || typeof paths !== 'object' || paths === null)
    throw wrong(`${where} is no OpenAPI document of version 3.0 or 3.1`)
  return value as Record<string, unknown>
}

function parseYaml(text: string): unknown {
  const document = parseDocument(text, { uniqueKeys: true, strict: true, logLevel: 'silent' })
  const [error] = document.errors
  if (error !== undefined) throw error
  return document.toJS({ maxAliasCount: MAX_ALIASES })
}

function wrong(what: string, cause?: unknown): Fault {
  return new Fault('invalid_configuration', { what, cause })
}
