/**
 * SOAP with attachments between X-Road's own code and ours (test/vectors/README.md): we read what its encoder
 * wrote, its decoder read what we write, to the octet and with the same digests under the signature.
 */
import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Readable } from 'node:stream'
import t from 'tap'
import { checkCoverage } from '#core/signature/check-coverage.ts'
import { checkSignature } from '#core/signature/verify-signature.ts'
import type { HeaderList } from '#core/transport/header-list.ts'
import { PART_NAME } from '#schemas/wire.ts'
import { headOf } from '../message/attachments.ts'
import type { Body, BodySpool } from '../message/body.ts'
import type { PartHead } from '../message/message.ts'
import { soap } from '../message/soap.ts'
import { openContent } from '../message/soap-content.ts'
import { readMessage } from './read-message.ts'
import { writeMessage } from './write-message.ts'

/** What a reader found in a message; names of headers in lower case. */
type Found = {
  type: string
  headers: Record<string, string>
  sha512: string
  attachments: { type: string; headers: Record<string, string>; size: number; sha512: string }[]
}

/** A line of messages.json: what X-Road's classes read in the files of this name. */
type Vector = {
  name: string
  what: string
  sentAs: string
  read: Found
  xRoad: { contentType: string }
  concordat: { contentType: string; originalContentType: string; read: Found }
}

const FOLDER = new URL('../../test/vectors/x-road-soap/', import.meta.url)
const file = (name: string): Buffer => readFileSync(new URL(name, FOLDER))
const VECTORS = JSON.parse(file('messages.json').toString()) as Vector[]
const LIMITS = { maxMessageBytes: 65_536, maxSoapBytes: 65_536, maxBodyBytes: 65_536 }
const sha512 = (bytes: Buffer): Buffer => hash('sha512', bytes, 'buffer')
const streamOf = (bytes: Buffer): Readable => Readable.from([bytes], { objectMode: false })

const spool: BodySpool = {
  begin() {
    const chunks: Buffer[] = []
    return {
      write: (chunk) => void chunks.push(chunk),
      digestSoFar: () => sha512(Buffer.concat(chunks)),
      async end() {
        const bytes = Buffer.concat(chunks)
        const open = (): Readable => streamOf(bytes)
        return { size: bytes.length, bytes, sha512: sha512(bytes), open, discard: async () => undefined }
      },
      abort: async () => undefined,
    }
  },
}

const received = (contentType: string, bytes: Buffer) =>
  readMessage({
    ...{ source: streamOf(bytes), contentType, codec: soap, half: 'request', spool, limits: LIMITS },
    tooSlow: 'request_timeout',
    onMessage: (part) => part.bytes,
  })

const lower = (headers: HeaderList): Record<string, string> =>
  Object.fromEntries(headers.map(([name, value]) => [name.toLowerCase(), value]))

const found = (part: PartHead, message: Buffer, body: Body | undefined): Found => ({
  type: part.contentType,
  headers: lower(part.headers),
  sha512: sha512(message).toString('base64'),
  attachments: (body?.attachments ?? []).map((one) => {
    const { contentType, headers } = headOf(one)
    return {
      type: contentType,
      headers: lower(headers),
      size: one.size,
      sha512: one.sha512.toString('base64'),
    }
  }),
})

const attachments = (one: Found): number[] => one.attachments.map(({ size }) => size)

t.test('what X-Road wrote is read, and its signature covers what was read', async (t) => {
  t.strictSame([...new Set(VECTORS.map(({ read }) => read.attachments.length))].sort(), [0, 1, 2, 3])
  for (const { name, what, read, xRoad } of VECTORS) {
    const got = await received(xRoad.contentType, file(`${name}.x-road`))
    t.strictSame(found(got.part, got.message, got.body), read, what)
    const parts = [got.messageSha512, ...(got.body?.attachments ?? []).map((one) => one.sha512)]
    const { signatures, ...chain } = got.signature
    checkCoverage({
      ...{ signature: await checkSignature(signatures), ...chain },
      parts: parts.map((digest, i) => ({
        name: i === 0 ? PART_NAME.message : PART_NAME.attachment(i),
        digest: () => digest,
      })),
    })
  }
})

/** Where X-Road takes an attachment of a system apart (docs/divergences.md). */
const WHOLE_HERE: ReadonlySet<string> = new Set(['boundary-within', 'nested'])

t.test("a system's content is to us what it is to X-Road", async (t) => {
  for (const { name, what, sentAs, read } of VECTORS) {
    const opened = await openContent({
      ...{ contentType: sentAs, content: streamOf(file(`${name}.sent`)), limits: LIMITS },
    })
    const body = await opened.takeAttachments(spool)
    const got = found(opened.part, opened.part.bytes, body)
    if (WHOLE_HERE.has(name)) {
      t.strictSame({ ...got, attachments: [] }, { ...read, attachments: [] }, what)
      t.strictSame([read.attachments.length, got.attachments.length], [2, 1], `${attachments(got)}`)
    } else t.strictSame(got, read, what)
  }
})

/** Every message has its own. */
const withoutBoundaries = (bytes: Buffer): string =>
  bytes.toString('latin1').replaceAll(/x(top|att)[A-Za-z]{30}/g, 'x$1')

t.test('what X-Road read is what we write', async (t) => {
  for (const { name, what, read: ofSent, concordat } of VECTORS) {
    const { contentType, read, originalContentType } = concordat
    const bytes = file(`${name}.concordat`)
    const got = await received(contentType, bytes)
    t.strictSame(found(got.part, got.message, got.body), read, what)
    const written = writeMessage({ ...got, codec: soap }).content() as Buffer
    t.equal(withoutBoundaries(written), withoutBoundaries(bytes), `${what}: written again`)
    // The messages differ by their ids, the systems' contents by nothing else.
    if (!WHOLE_HERE.has(name)) t.strictSame({ ...read, sha512: ofSent.sha512 }, ofSent, what)
    const told = soap.transportHeaders(
      { headers: [['Content-Type', originalContentType]], part: got.part },
      'request',
    )['x-original-content-type']!
    const plain = (type: string): string => type.replace(/xroad[A-Za-z]{30}/, 'xroad')
    t.equal(plain(told), plain(originalContentType), what)
    if (told.startsWith('multipart')) t.not(told, originalContentType, 'a boundary of our own')
  }
})
