/**
 * Holds what a message says against the fields that its contract allows, without stopping exchanges: a large document is cut on a
 * thread, a few at a time.
 */
import { buffer } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate } from 'node:zlib'
import type { AllowedFields } from '#core/contract/allowed-fields.ts'
import type { Cut } from '#core/contract/cut-json.ts'
import { parseContentType } from '#core/transport/content-type.ts'
import { type HeaderList, headerValue } from '#core/transport/header-list.ts'
import { createPlaces } from '#platform/in-turn.ts'
import { askThread, type ThreadLimits } from '#platform/threads/ask-thread.ts'
import { Fault } from '#schemas/fault.ts'
import type { Content } from './body.ts'
import { cutDocument, type FieldQuestion, type Unreadable } from './cut-document.ts'

/** What has to be held against fields is read whole. */
const MAX_BYTES = 10 * 1024 * 1024
/** Takes a few milliseconds, at worst (nothing but small items or elements) some 50; a thread takes 100 ms to start. */
const AT_ONCE = 256 * 1024
const LIMITS: ThreadLimits = { timeMs: 30_000, oldGenerationMb: 512 }
const { run: inPlace } = createPlaces(2)

type Decode = (bytes: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>

const CODINGS: ReadonlyMap<string, Decode> = new Map([
  ['identity', (bytes) => Promise.resolve(bytes)],
  ['gzip', promisify(gunzip)],
  ['x-gzip', promisify(gunzip)],
  ['deflate', promisify(inflate)],
  ['br', promisify(brotliDecompress)],
])

/** What stays of the message part of SOAP, attachments aside. */
export function cutSoapFields(bytes: Buffer, allowed: AllowedFields): Promise<Cut | Unreadable> {
  const question = { protocol: 'SOAP', bytes, allowed } as const
  return bytes.length <= AT_ONCE ? cutDocument(question) : inPlace(() => cutOnThread(question))
}

/** What stays of a body that `headers` describe; its bytes are those without a content coding. */
export async function cutBodyFields(
  body: Content,
  headers: HeaderList,
  allowed: AllowedFields,
): Promise<Cut | Unreadable> {
  // Of two of them another reader may take the second.
  if (hasTwo(headers, 'content-type') || hasTwo(headers, 'content-encoding'))
    return { unreadable: 'a header that says how to read it is repeated' }
  if (!isJson(headerValue(headers, 'content-type')))
    return { unreadable: 'its content type is not JSON in UTF-8' }
  if (body.size > MAX_BYTES) return { unreadable: `it has more than ${MAX_BYTES} octets` }
  const coding = (headerValue(headers, 'content-encoding') ?? 'identity').trim().toLowerCase()
  const decode = CODINGS.get(coding)
  if (decode === undefined) return { unreadable: 'it has an unknown content coding' }
  const read = async (): Promise<Buffer> => body.bytes ?? (await buffer(body.open()))
  const small = body.size > AT_ONCE ? undefined : await plainOf(await read(), decode, AT_ONCE)
  if (small !== undefined) return cutDocument({ protocol: 'REST', bytes: small, allowed })
  // Many may come at once: what is large is in memory only while it has a place.
  return inPlace(async () => {
    const bytes = await plainOf(await read(), decode, MAX_BYTES)
    if (bytes === undefined)
      return { unreadable: `it is not ${coding}, or has more than ${MAX_BYTES} octets` }
    return cutOnThread({ protocol: 'REST', bytes, allowed })
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

async function cutOnThread(question: FieldQuestion): Promise<Cut | Unreadable> {
  const script = new URL('./fields-worker.ts', import.meta.url)
  const refuse = (what: string, cause?: unknown): Fault => new Fault('internal_error', { what, cause })
  try {
    const answer = (await askThread({ script, question, limits: LIMITS, refuse })) as Cut | Unreadable
    return 'unreadable' in answer ? answer : { ...answer, bytes: Buffer.from(answer.bytes) }
  } catch (cause) {
    return {
      unreadable: cause instanceof Fault && cause.what !== undefined ? cause.what : 'its reader failed',
    }
  }
}

function hasTwo(headers: HeaderList, lower: string): boolean {
  return headers.filter(([name]) => name.toLowerCase() === lower).length > 1
}

/** RFC 8259 11, RFC 6839 3.1. */
function isJson(contentType: string | undefined): boolean {
  if (contentType === undefined) return false
  try {
    const { type, parameters } = parseContentType(contentType)
    const isNamed = type === 'application/json' || type === 'text/json' || type.endsWith('+json')
    return isNamed && (parameters.get('charset') ?? 'utf-8').toLowerCase() === 'utf-8'
  } catch {
    return false
  }
}
