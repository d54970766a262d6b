/**
 * The events of one file: itself, or one for each of its rows. Guarantees that the same file makes the same
 * events, byte for byte, however often it is read: their ids come of its name and its content.
 */
import { createHash, type Hash } from 'node:crypto'
import { type JsonValue, writing } from '#adapters/kit/write-rows.ts'
import type { CloudEvent } from '#core/events/cloud-event.ts'
import { writeStructured } from '#core/events/write-event.ts'
import { asFault } from '#schemas/fault.ts'
import { type Field, fieldsOf, withStandards } from '../mapping.ts'
import { BrokenFile, type LentFile } from '../read-file.ts'
import { readRows } from '../read-rows.ts'
import type { FileSource } from '../source.ts'
import type { DropSettings, FileMessagesSettings } from './settings.ts'

type Limits = FileMessagesSettings['limits']

/** An event in structured mode, and what has to stay in order. */
export type MadeEvent = { bytes: Buffer; key: string | undefined; row: number }

/** A cell that a spreadsheet takes for a formula; a signed number or a telephone number is none. */
const FORMULA = /^[=@\t\r]|^[+-](?![\d\s().,/-]*$)/
const MAX_NAME = 1024
const PIECE_BYTES = 32 * 1024

/** Reads the file to its end: its digest. Throws BrokenFile for one of which not every event can be made. */
export async function checkFile(file: LentFile, drop: DropSettings, limits: Limits): Promise<string> {
  const hash = hashOf(file.facts.name)
  let size = 0
  for await (const chunk of file.chunks()) {
    hash.update(chunk)
    size += chunk.length
  }
  const digest = hash.digest('base64url')
  if (drop.each === 'file' && size > limits.eventBytes)
    throw new BrokenFile(`its file is larger than ${limits.eventBytes} bytes, the most of an event`)
  if (drop.format !== undefined) for await (const _row of rowsOf(file, drop, limits));
  if (drop.each === 'file') for await (const _event of eventsOf(file, digest, drop, limits));
  return digest
}

/**
 * What `checkFile` would say of a file that lies under the name `as`; undefined for what is no file, or may
 * not be read.
 */
export async function digestOf(source: FileSource, as: string, name: string): Promise<string | undefined> {
  const file = await source.open(as).catch((thrown: unknown) => {
    if (asFault(thrown).code === 'source_failed') return undefined
    throw thrown
  })
  if (file === undefined) return undefined
  const hash = hashOf(name)
  try {
    for (let at = 0; ; ) {
      const piece = await file.read(at, PIECE_BYTES)
      if (piece.length === 0) return hash.digest('base64url')
      hash.update(piece)
      at += piece.length
    }
  } finally {
    await file.close().catch(() => undefined)
  }
}

function hashOf(name: string): Hash {
  return createHash('sha256').update(`${name}\0`)
}

/** What `checkFile` has found whole. */
export async function* eventsOf(
  file: LentFile,
  digest: string,
  drop: DropSettings,
  limits: Limits,
): AsyncGenerator<MadeEvent, void> {
  const common = { source: drop.eventSource, type: drop.eventType, subject: file.facts.name }
  if (drop.each === 'file') {
    const chunks: Buffer[] = []
    for await (const chunk of file.chunks()) chunks.push(chunk)
    const event = { ...common, id: digest, datacontenttype: drop.contentType, data: Buffer.concat(chunks) }
    yield { bytes: written({ ...event, extensions: new Map() }, limits), key: undefined, row: 0 }
    return
  }
  for await (const { row, text, key } of rowsOf(file, drop, limits)) {
    const event = { ...common, id: `${digest}.${row}`, datacontenttype: 'application/json' }
    const extensions = new Map(key === undefined ? [] : [['partitionkey', key] as const])
    yield { bytes: written({ ...event, extensions, data: Buffer.from(text) }, limits), key, row }
  }
}

async function* rowsOf(
  file: LentFile,
  drop: DropSettings,
  limits: Limits,
): AsyncGenerator<{ row: number; text: string; key: string | undefined }, void> {
  const fields = fieldsOf({ fields: drop.fields as never })
  const keyAt = fields.findIndex(({ name }) => name === drop.key)
  const { write } = writing(fields)
  const most = limits.eventBytes - headBytes(file.facts.name, drop)
  let row = 0
  for await (const some of readRows({ format: withStandards(drop.format!), fields, limits }, file))
    for (const values of some) {
      row++
      if (drop.formulas === 'refuse') checkFormulas(fields, values, row)
      checkRules(fields, values, row)
      const text = write(values)
      const key = keyAt < 0 ? undefined : keyOf(values[keyAt]!, row)
      if (drop.each === 'row' && text.length + (key?.length ?? 0) > most / 3) checkSize(text, key, row, most)
      yield { row, text, key }
    }
}

/** What an event of a row has beside its row and its key. */
function headBytes(subject: string, drop: DropSettings): number {
  const common = { source: drop.eventSource, type: drop.eventType, subject, id: 'x'.repeat(60) }
  const extensions = new Map([['partitionkey', 'x']])
  const event = { ...common, datacontenttype: 'application/json', extensions, data: Buffer.from('{}') }
  return writeStructured(event).body.length
}

/** A file of which an event cannot be accepted is found before any is sent. */
function checkSize(text: string, key: string | undefined, row: number, most: number): void {
  if (Buffer.byteLength(text) + Buffer.byteLength(JSON.stringify(key ?? '')) > most)
    throw new BrokenFile(`row ${row} is larger than an event may be`)
}

function keyOf(value: JsonValue, row: number): string {
  const key = value === null ? '' : String(value)
  if (key === '' || key.length > MAX_NAME)
    throw new BrokenFile(`row ${row}: its key has no value, or too long a one`)
  return key
}

function checkFormulas(fields: Field[], values: JsonValue[], row: number): void {
  for (const [at, { name, type }] of fields.entries()) {
    const value = values[at]
    if (type === 'string' && typeof value === 'string' && FORMULA.test(value))
      throw new BrokenFile(`row ${row}: ${name} begins as a formula of a spreadsheet`)
  }
}

/** The rules that clients of a service have to keep to are kept here by the file. */
function checkRules(fields: Field[], values: JsonValue[], row: number): void {
  for (const [at, { name, rule }] of fields.entries()) {
    const value = values[at]!
    const { pattern, maxLength, values: allowed, minimum, maximum } = rule
    const isFit =
      value === null ||
      (typeof value === 'number'
        ? value >= (minimum ?? value) && value <= (maximum ?? value)
        : typeof value !== 'string' ||
          ((pattern === undefined || compiled(pattern).test(value)) &&
            value.length <= (maxLength ?? value.length) &&
            (allowed === undefined || allowed.includes(value))))
    if (!isFit) throw new BrokenFile(`row ${row}: ${name} is not as the settings say`)
  }
}

const patterns = new Map<string, RegExp>()

/** As JSON Schema has them: found anywhere in the text. The settings have few. */
function compiled(pattern: string): RegExp {
  const known = patterns.get(pattern) ?? new RegExp(pattern, 'u')
  patterns.set(pattern, known)
  return known
}

/** An event that cannot be written is told as what its file is. */
function written(event: CloudEvent, limits: Limits): Buffer {
  let body: Buffer
  try {
    body = writeStructured(event).body
  } catch (cause) {
    throw new BrokenFile(asFault(cause).message, cause)
  }
  if (body.length > limits.eventBytes)
    throw new BrokenFile(`its event is larger than ${limits.eventBytes} bytes`)
  return body
}
