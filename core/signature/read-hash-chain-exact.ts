/** Reads a hash chain that looks byte for byte like our own: pieces of a known form, one after the other. */
import type { DigestName } from '#schemas/wire.ts'
import { CHAIN_END, CHAIN_HEAD, CHAIN_PIECE } from './chain-template.ts'

export type ChainItem =
  | { kind: 'value'; digest: DigestName; value: Buffer }
  | { kind: 'data'; uri: string; digest: DigestName; value: Buffer }
  | { kind: 'step'; id: string; digest: DigestName }

/** What one chain may hold: more steps than 2^60 messages need, more values than a message has parts. */
export const CHAIN_LIMIT = { bytes: 128 * 1024, steps: 64, items: 102 } as const

/** Base64 of SHA-512 in its one canonical form, which leaves four bits of the last letter unused. */
export const SHA512_BASE64 = /^[A-Za-z0-9+/]{85}[AQgw]==$/
export const SHA512_LETTERS = 88
const NAME = /^[\w.-]{1,64}$/
const URI = /^[\x20\x21\x23-\x25\x27-\x3b\x3d\x3f-\x7e]{0,200}$/
const LONGEST_NAME = 200

/** The steps by id; undefined for any other form, which the general reader then judges. */
export function readHashChainExact(document: Buffer): Map<string, ChainItem[]> | undefined {
  if (document.length > CHAIN_LIMIT.bytes) return undefined
  const source = document.toString('latin1')
  if (!source.startsWith(CHAIN_HEAD) || !source.endsWith(CHAIN_END)) return undefined
  const reader = createReader(source, CHAIN_HEAD.length, source.length - CHAIN_END.length)
  const steps = new Map<string, ChainItem[]>()
  while (!reader.atEnd()) {
    const id = reader.name(CHAIN_PIECE.step, NAME)
    const items = id === undefined ? undefined : readItems(reader)
    if (items === undefined || steps.has(id!) || steps.size === CHAIN_LIMIT.steps) return undefined
    steps.set(id!, items)
  }
  return steps
}

/** The items of a step and its end; undefined unless there is at least one. */
function readItems(reader: Reader): ChainItem[] | undefined {
  const items: ChainItem[] = []
  while (!reader.text(CHAIN_PIECE.stepEnd)) {
    const item = readItem(reader)
    if (item === undefined || items.length === CHAIN_LIMIT.items) return undefined
    items.push(item)
  }
  return items.length === 0 ? undefined : items
}

function readItem(reader: Reader): ChainItem | undefined {
  if (reader.text(CHAIN_PIECE.value)) {
    const value = reader.digest(CHAIN_PIECE.valueEnd)
    return value === undefined ? undefined : { kind: 'value', digest: 'SHA-512', value }
  }
  const id = reader.name(CHAIN_PIECE.reference, NAME)
  if (id !== undefined) return { kind: 'step', id, digest: 'SHA-512' }
  const uri = reader.name(CHAIN_PIECE.data, URI)
  const value = uri === undefined ? undefined : reader.digest(CHAIN_PIECE.dataEnd)
  return value === undefined ? undefined : { kind: 'data', uri: uri!, digest: 'SHA-512', value }
}

type Reader = {
  atEnd(): boolean
  /** Takes this text, when it comes next. */
  text(expected: string): boolean
  /** Takes what stands between the two texts, when it fits. */
  name(piece: readonly [before: string, after: string], form: RegExp): string | undefined
  /** Takes a SHA-512 in base64, and what follows it. */
  digest(after: string): Buffer | undefined
}

function createReader(source: string, from: number, end: number): Reader {
  let at = from
  const text = (expected: string): boolean => {
    if (!source.startsWith(expected, at)) return false
    at += expected.length
    return true
  }
  return {
    atEnd: () => at === end,
    text,
    name([before, after], form) {
      if (!source.startsWith(before, at)) return undefined
      const start = at + before.length
      const stop = source.slice(start, start + LONGEST_NAME + after.length).indexOf(after)
      const found = stop < 0 ? '' : source.slice(start, start + stop)
      if (stop < 0 || !form.test(found)) return undefined
      at = start + stop + after.length
      return found
    },
    digest(after) {
      const base64 = source.slice(at, at + SHA512_LETTERS)
      at += SHA512_LETTERS
      return SHA512_BASE64.test(base64) && text(after) ? Buffer.from(base64, 'base64') : undefined
    },
  }
}

/** The bytes of a digest in canonical base64, 1 to 64 of them. */
export function chainDigest(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64')
  const canonical = bytes.length > 0 && bytes.length <= 64 && bytes.toString('base64') === text
  return canonical ? bytes : undefined
}
