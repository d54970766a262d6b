/**
 * Reads a use of a person's data that the person saved: one ZIP file with what each side said of it
 * (`use.json`) and each side's proof. Only with what was said does a proof, which opens nothing, prove a row:
 * the leaf ties the two.
 */
import { buffer } from 'node:stream/consumers'
import type { ZipFile } from 'yauzl'
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import { holdsEntry, openZip } from '#core/container/open-zip.ts'
import { Fault } from '#schemas/fault.ts'
import type { SaidUse } from './judge-use.ts'

export const USE = 'use.json'
export const FORM = 'concordat-use/1'
const MOST_ENTRIES = 16
const MOST_JSON = 64 * 1024
const MOST_PROOF = 96 * 1024 * 1024
const BASE64_OF_32 = /^[A-Za-z0-9+/]{43}=$/

/** One side. What stands in `more` no proof shows: it is the word of the system. */
export type SavedSide = {
  said: SaidUse
  more: { messageId: string; requestId: string; client: string; service: string }
  /** Undefined where it could not be had. */
  proof: Buffer | undefined
}

export type SavedUse = { savedAt: string; sides: SavedSide[] }

/** Of the entry with the proof of a side. */
export function proofName({ role }: SaidUse): string {
  return `${role}.zip`
}

/** Whether the file is a ZIP file with a `use.json`. Throws `io_error`. */
export const isSavedUse = (file: string | Buffer): Promise<boolean> => holdsEntry(file, [USE], MOST_ENTRIES)

/** Throws `malformed_bundle`, or `io_error` when the file cannot be opened. */
export async function readSavedUse(file: string | Buffer): Promise<SavedUse> {
  const zip = await openZip(file, (what, cause) => new Fault('malformed_bundle', { what, cause }))
  try {
    return savedIn(await entriesOf(zip))
  } catch (cause) {
    if (cause instanceof Fault && cause.code === 'malformed_bundle') throw cause
    throw malformed('it cannot be read', cause)
  } finally {
    zip.close()
  }
}

async function entriesOf(zip: ZipFile): Promise<Map<string, Buffer>> {
  const entries = new Map<string, Buffer>()
  for await (const entry of zip.eachEntry()) {
    const { fileName, uncompressedSize } = entry
    const most = fileName === USE ? MOST_JSON : MOST_PROOF
    if (entries.has(fileName) || uncompressedSize > most || entries.size >= MOST_ENTRIES)
      throw malformed('it has an entry twice, one that is too large, or too many')
    entries.set(fileName, await buffer(await zip.openReadStreamPromise(entry)))
  }
  return entries
}

function savedIn(entries: ReadonlyMap<string, Buffer>): SavedUse {
  const document = parseStrictJson(entries.get(USE) ?? Buffer.alloc(0)) as Record<string, unknown>
  const { form, savedAt, sides } = document
  if (form !== FORM || typeof savedAt !== 'string' || !Array.isArray(sides))
    throw malformed(`its ${USE} is of another form`)
  const read = sides.map((side: unknown) => sideIn(side, entries))
  const roles = read.map(({ said }) => said.role)
  if (roles.length === 0 || new Set(roles).size < roles.length)
    throw malformed('it is told by no side, or twice by one')
  return { savedAt, sides: read }
}

function sideIn(given: unknown, entries: ReadonlyMap<string, Buffer>): SavedSide {
  const side = (given ?? {}) as Record<string, unknown>
  const textOf = (name: string): string => {
    const value = side[name]
    if (typeof value !== 'string' || value.length > 1000) throw malformed(`a side has no ${name}`)
    return value
  }
  const [role, outcome] = [textOf('role'), textOf('outcome')]
  if (role !== 'provider' && role !== 'consumer') throw malformed('a side is neither')
  if (outcome !== 'given' && outcome !== 'open' && outcome !== 'refused')
    throw malformed('a use without an end')
  const { index, leaf } = (side['record'] ?? {}) as Record<string, unknown>
  if (!Number.isSafeInteger(index) || typeof leaf !== 'string' || !BASE64_OF_32.test(leaf))
    throw malformed('a side names no record')
  const said: SaidUse = {
    ...{ role, outcome, system: textOf('system'), time: textOf('time'), contract: textOf('contract') },
    record: { index: index as number, leaf },
  }
  const more = {
    ...{ messageId: textOf('messageId'), requestId: textOf('requestId') },
    ...{ client: textOf('client'), service: textOf('service') },
  }
  return { said, more, proof: side['proof'] === undefined ? undefined : entries.get(proofName(said)) }
}

function malformed(what: string, cause?: unknown): Fault {
  return new Fault('malformed_bundle', { what, cause })
}
