/**
 * Reads a body that has to be looked into, whole and without its content coding, within a bound. Many may
 * come at once: large ones are in memory two at a time.
 */
import { buffer } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate } from 'node:zlib'
import { type HeaderList, headerValue } from '#core/transport/header-list.ts'
import { createPlaces } from '#platform/in-turn.ts'
import type { Content } from './body.ts'
import type { Unreadable } from './cut-document.ts'

const MAX_BYTES = 10 * 1024 * 1024
/** Octets of a document that is small: with and without its coding. */
export const SMALL = 256 * 1024
const { run: inPlace } = createPlaces(2)

type Decode = (bytes: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>

const CODINGS: ReadonlyMap<string, Decode> = new Map([
  ['identity', (bytes) => Promise.resolve(bytes)],
  ['gzip', promisify(gunzip)],
  ['x-gzip', promisify(gunzip)],
  ['deflate', promisify(inflate)],
  ['br', promisify(brotliDecompress)],
])

/**
 * Hands the bytes of a body that `headers` describe to `use`, and gives what that gives, or why they cannot
 * be read.
 */
export async function withWhole<T>(
  body: Content,
  headers: HeaderList,
  use: (bytes: Buffer) => Promise<T>,
): Promise<T | Unreadable> {
  // Of two of them another reader may take the second.
  if (hasTwo(headers, 'content-type') || hasTwo(headers, 'content-encoding'))
    return { unreadable: 'a header that says how to read it is repeated' }
  if (body.size > MAX_BYTES) return { unreadable: `it has more than ${MAX_BYTES} octets` }
  const coding = (headerValue(headers, 'content-encoding') ?? 'identity').trim().toLowerCase()
  const decode = CODINGS.get(coding)
  if (decode === undefined) return { unreadable: 'it has an unknown content coding' }
  const read = async (): Promise<Buffer> => body.bytes ?? (await buffer(body.open()))
  const small = body.size > SMALL ? undefined : await plainOf(await read(), decode, SMALL)
  if (small !== undefined) return use(small)
  return inPlace(async () => {
    const bytes = await plainOf(await read(), decode, MAX_BYTES)
    return bytes === undefined
      ? { unreadable: `it is not ${coding}, or has more than ${MAX_BYTES} octets` }
      : use(bytes)
  })
}

/** Undefined when it is something else, or more than `maxOutputLength`. */
async function plainOf(bytes: Buffer, decode: Decode, maxOutputLength: number): Promise<Buffer | undefined> {
  try {
    return await decode(bytes, { maxOutputLength })
  } catch {
    return undefined
  }
}

function hasTwo(headers: HeaderList, lower: string): boolean {
  return headers.filter(([name]) => name.toLowerCase() === lower).length > 1
}
