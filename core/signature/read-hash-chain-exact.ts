/** Reads a hash chain that looks byte for byte like our own: pieces of a known form, one after the other. */
import type { DigestName } from '#schemas/wire.ts'
import { CHAIN_END, CHAIN_HEAD, CHAIN_PIECE } from './chain-template.ts'

export type ChainItem =
  | { kind: 'value'; digest: DigestName; value: Buffer }
  | { kind: 'data'; uri: string; digest: DigestName; value: Buffer }
  | { kind: 'step'; id: string; digest: DigestName }

/** What one chain may hold: more steps than 2^60 messages need, more values than a message has parts. */
export const CHAIN_LIMIT = { bytes: 128 * 1024, steps: 64, items: 102 } as const

/** The steps by id; undefined for any other form, which the general reader then judges. */
export function readHashChainExact(document: Buffer): Map<string, ChainItem[]> | undefined {
  if (document.length > CHAIN_LIMIT.bytes) return undefined
  const source = document.toString('latin1')
  if (!source.startsWith(CHAIN_HEAD) || !source.endsWith(CHAIN_END)) return undefined
  const end = source.length - CHAIN_END.length
  const steps = new Map<string, ChainItem[]>()
  let items: ChainItem[] | undefined
  for (let at = CHAIN_HEAD.length; at < end; at = CHAIN_PIECE.lastIndex) {
    CHAIN_PIECE.lastIndex = at
    const piece = CHAIN_PIECE.exec(source)
    if (piece === null) return undefined
    const [, step, value, reference, uri, dataDigest] = piece
    if (step !== undefined) {
      if (items !== undefined || steps.has(step) || steps.size === CHAIN_LIMIT.steps) return undefined
      items = []
      steps.set(step, items)
      continue
    }
    if (items === undefined) return undefined
    const item = readItem(value, reference, uri, dataDigest)
    if (item === 'malformed' || items.length === CHAIN_LIMIT.items) return undefined
    if (item !== undefined) items.push(item)
    else if (items.length === 0) return undefined
    else items = undefined
  }
  return items === undefined ? steps : undefined
}

/** Undefined for the end of a step. */
function readItem(
  value: string | undefined,
  reference: string | undefined,
  uri: string | undefined,
  dataDigest: string | undefined,
): ChainItem | 'malformed' | undefined {
  if (reference !== undefined) return { kind: 'step', id: reference, digest: 'SHA-512' }
  const text = value ?? dataDigest
  if (text === undefined) return undefined
  const bytes = chainDigest(text)
  if (bytes === undefined) return 'malformed'
  return uri === undefined
    ? { kind: 'value', digest: 'SHA-512', value: bytes }
    : { kind: 'data', uri, digest: 'SHA-512', value: bytes }
}

/** The bytes of a digest in canonical base64, 1 to 64 of them. */
export function chainDigest(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64')
  const canonical = bytes.length > 0 && bytes.length <= 64 && bytes.toString('base64') === text
  return canonical ? bytes : undefined
}
