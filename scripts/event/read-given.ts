/**
 * Reads the events that the caller gave, in files or on standard input, and says of each that is refused
 * where it stands.
 */
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import type { CloudEvent } from '#core/events/cloud-event.ts'
import { itemsOf, jsonText } from '#core/events/json-parts.ts'
import { BATCH, readEvents, STRUCTURED } from '#core/events/read-event.ts'
import { parseContentType } from '#core/transport/content-type.ts'
import { Fault } from '#schemas/fault.ts'
import { boundedBytes, readBounded } from './bounded-file.ts'
import { type Surroundings, sayError, wrongUsage } from './surroundings.ts'

/** Of all files together. A document has at most 4 MiB of it, a batch at most 1,000 events. */
const MAX_INPUT_BYTES = 67_108_864
const MAX_DOCUMENT_BYTES = 4_194_304
const MAX_LINES = 100_000
/** Refusals that are printed; the rest is counted. */
const MAX_SAID = 20
const STANDARD_INPUT = 'standard input'

/** The options of every verb. */
export const INPUT_OPTIONS = {
  file: { type: 'string', multiple: true },
  'content-type': { type: 'string' },
  lines: { type: 'boolean' },
} as const

type InputValues = {
  file?: string[] | undefined
  'content-type'?: string | undefined
  lines?: boolean | undefined
}

/** An event and its place, for people. `line`: its bytes, where it was given as a line. */
type GivenEvent = { event: CloudEvent; place: string; line?: Buffer }

export type Given = {
  /** How the events came, and go out again where the caller asks for no other form. */
  form: 'structured' | 'batch' | 'lines'
  events: GivenEvent[]
  refused: { place: string; fault: Fault }[]
}

type Source = { name: string; bytes: Buffer }

/**
 * Every event of every file, or of standard input where no file is named. Throws `wrong_usage` for a content
 * type that it does not read, `io_error` and `input_too_large`.
 */
export async function readGiven(values: InputValues, { input }: Surroundings): Promise<Given> {
  const contentType = values['content-type']
  const isBatch = contentType === undefined ? undefined : typeOf(contentType) === BATCH
  if (values.lines && isBatch) throw wrongUsage('--lines has one event a line, no batch')
  const sources = await readSources(values.file ?? [], input)
  const given: Given = { form: 'batch', events: [], refused: [] }
  if (values.lines) {
    for (const source of sources) readLines(source, contentType ?? STRUCTURED, given)
    return { ...given, form: 'lines' }
  }
  const types = sources.map(({ bytes }) => contentType ?? (opensList(bytes) ? BATCH : STRUCTURED))
  for (const [index, source] of sources.entries()) readDocument(source, types[index]!, given)
  const isOne = types.length === 1 && typeOf(types[0]!) === STRUCTURED
  return { ...given, form: isOne ? 'structured' : 'batch' }
}

/**
 * As `readGiven`, for verbs that need every event to be valid: undefined, after saying why on the error
 * stream, where one is not.
 */
export async function readValid(
  verb: string,
  values: InputValues,
  surroundings: Surroundings,
): Promise<Given | undefined> {
  const given = await readGiven(values, surroundings)
  sayRefused(verb, given, surroundings)
  return given.refused.length === 0 ? given : undefined
}

/** Each refusal with its place on the error stream. */
export function sayRefused(verb: string, { refused }: Given, surroundings: Surroundings): void {
  for (const { place, fault } of refused.slice(0, MAX_SAID))
    sayError(surroundings, `${verb}: ${place}: ${fault.message}`)
  const more = refused.length - MAX_SAID
  if (more > 0) sayError(surroundings, `${verb}: and ${more} more`)
}

async function readSources(files: readonly string[], input: Surroundings['input']): Promise<Source[]> {
  if (files.length === 0)
    return [{ name: STANDARD_INPUT, bytes: await boundedBytes(input, STANDARD_INPUT, MAX_INPUT_BYTES) }]
  const sources: Source[] = []
  let left = MAX_INPUT_BYTES
  for (const name of files) {
    const bytes = await readBounded(name, left)
    left -= bytes.length
    sources.push({ name, bytes })
  }
  return sources
}

function readLines({ name, bytes }: Source, contentType: string, given: Given): void {
  let number = 0
  for (let from = 0; from < bytes.length; ) {
    const found = bytes.indexOf(0x0a, from)
    const end = found === -1 ? bytes.length : found
    const line = bytes.subarray(from, end)
    from = end + 1
    if (++number > MAX_LINES)
      throw new Fault('input_too_large', { what: `${name} has over ${MAX_LINES} lines` })
    if (line.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d)) continue
    take(`${name}, line ${number}`, line, contentType, given, line)
  }
}

function readDocument({ name, bytes }: Source, contentType: string, given: Given): void {
  if (typeOf(contentType) !== BATCH) {
    take(name, bytes, contentType, given)
    return
  }
  try {
    const events = readEvents([['content-type', contentType]], bytes)
    for (const [index, event] of events.entries())
      given.events.push({ event, place: `${name}, event ${index + 1}` })
  } catch (thrown) {
    const fault = refusal(thrown, bytes)
    const items = itemsIn(bytes)
    const before = given.refused.length
    for (const [index, item] of items.entries())
      take(`${name}, event ${index + 1}`, Buffer.from(item), STRUCTURED, given)
    // What is wrong may be the batch and no event of it.
    if (given.refused.length === before) given.refused.push({ place: name, fault })
  }
}

/** The events of a batch, each for itself; none where it is no list. */
function itemsIn(bytes: Buffer): string[] {
  try {
    // One more than a batch may have would be refused as a whole.
    return itemsOf(jsonText(bytes, { maxBytes: MAX_DOCUMENT_BYTES }), 1_000) ?? []
  } catch {
    return []
  }
}

function take(place: string, bytes: Buffer, contentType: string, given: Given, line?: Buffer): void {
  try {
    const [event] = readEvents([['content-type', contentType]], bytes)
    given.events.push({ event: event!, place, ...(line !== undefined && { line }) })
  } catch (thrown) {
    given.refused.push({ place, fault: refusal(thrown, bytes) })
  }
}

/** The fault; of a document that is no JSON, with the place in it. */
function refusal(thrown: unknown, bytes: Buffer): Fault {
  if (!(thrown instanceof Fault)) throw thrown
  if (thrown.code !== 'malformed_json') return thrown
  try {
    parseStrictJson(bytes, { maxLength: MAX_DOCUMENT_BYTES, number: String })
    return thrown
  } catch (placed) {
    return placed instanceof Fault ? placed : thrown
  }
}

function opensList(bytes: Buffer): boolean {
  const first = bytes.find((byte) => byte !== 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d)
  return first === 0x5b
}

/** Throws `wrong_usage` for other types than the two. */
function typeOf(contentType: string): string {
  try {
    const { type } = parseContentType(contentType)
    if (type === STRUCTURED || type === BATCH) return type
  } catch {}
  throw wrongUsage(`--content-type is neither ${STRUCTURED} nor ${BATCH}`)
}
