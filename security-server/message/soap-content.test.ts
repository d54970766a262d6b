/**
 * SOAP content of systems, and bodies of attachments: what is read is what is written again, whatever the
 * pieces it comes in.
 */
import { hash, randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import t from 'tap'
import { aliveChunks } from '#core/transport/alive-chunks-fixture.ts'
import type { Fault } from '#schemas/fault.ts'
import { takeNested } from './attachments.ts'
import type { Body, BodySpool } from './body.ts'
import { frameBody } from './frame-body.ts'
import { openContent, takeSoapAnswer, typeForPeer, writeContent } from './soap-content.ts'

const LIMITS = { maxMessageBytes: 1000, maxSoapBytes: 10_000, maxBodyBytes: 1_000_000 }
const sha512 = (bytes: Buffer): Buffer => hash('sha512', bytes, 'buffer')

/** Keeps bodies in memory; `whole` gives them no `bytes`, as for large ones. */
function spoolOf({ isLarge = false } = {}): BodySpool & { open: number } {
  const spool = {
    open: 0,
    begin: ({ maxBytes }: { maxBytes: number }) => {
      const chunks: Buffer[] = []
      spool.open += 1
      return {
        write(chunk: Buffer) {
          chunks.push(Buffer.from(chunk))
          if (Buffer.concat(chunks).length > maxBytes) throw new Error('too large')
        },
        digestSoFar: () => sha512(Buffer.concat(chunks)),
        async end(): Promise<Body> {
          spool.open -= 1
          const bytes = Buffer.concat(chunks)
          const open = (): Readable => Readable.from(piecesOf(bytes, 7), { objectMode: false })
          const body = { size: bytes.length, sha512: sha512(bytes), open, discard: async () => undefined }
          return isLarge ? body : { ...body, bytes }
        },
        async abort() {
          spool.open -= 1
        },
      }
    },
  }
  return spool
}

function piecesOf(bytes: Buffer, length: number): Buffer[] {
  const pieces: Buffer[] = []
  for (let at = 0; at < bytes.length; at += length) pieces.push(bytes.subarray(at, at + length))
  return pieces
}

const contentOf = async (open: () => Readable): Promise<Buffer> =>
  Buffer.concat((await open().toArray()) as Buffer[])

const ROOT = 'Content-Type: text/xml; charset=UTF-8'
const related = (parts: [headers: string, bytes: Buffer][], boundary = 'b'): Buffer =>
  Buffer.concat([
    ...parts.flatMap(([headers, bytes]) => [Buffer.from(`\r\n--${boundary}\r\n${headers}\r\n\r\n`), bytes]),
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ])

const codeOf = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'none',
    (thrown: Fault) => thrown.code,
  )

t.test('of a document in chunks of one octet no chunk is held', async (t) => {
  for (const contentType of ['text/xml', 'multipart/related; boundary="b"']) {
    const { make, alive } = aliveChunks()
    const content = new Readable({ read: () => undefined })
    const limits = { ...LIMITS, maxSoapBytes: 100_000 }
    const opened = openContent({ contentType, content, limits })
    const isPart = contentType !== 'text/xml'
    if (isPart) content.push(`--b\r\n${ROOT}\r\n\r\n`)
    await turn()
    for (let i = 0; i < 50; i++) {
      for (let j = 0; j < 1_000; j++) content.push(make())
      await turn()
    }
    t.ok((await alive()) < 100, contentType)
    if (isPart) content.push('\r\n--b--')
    content.push(null)
    t.equal((await opened).part.bytes.length, 50_000)
  }
})

t.test('attachments survive every way in which they come in pieces', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ maxLength: 60 }), { minLength: 0, maxLength: 5 }),
      fc.integer({ min: 1, max: 80 }),
      fc.boolean(),
      async (files, length, isLarge) => {
        const message = Buffer.from('<a/>')
        const parts = files.map((file): [string, Buffer] => ['Content-Type: a/b', Buffer.from(file)])
        const sent = related([[ROOT, message], ...parts])
        const spool = spoolOf({ isLarge })
        const opened = await openContent({
          contentType: 'multipart/related; boundary=b',
          content: Readable.from(piecesOf(sent, length), { objectMode: false }),
          limits: LIMITS,
        })
        if (spool.open !== 0) throw new Error('an attachment was spooled before it was wanted')
        const body = await opened.takeAttachments(spool)
        if (!opened.part.bytes.equals(message)) throw new Error('the message')
        const digests = body?.attachments?.map((one) => one.sha512.toString('hex')) ?? []
        if (digests.join() !== files.map((file) => sha512(Buffer.from(file)).toString('hex')).join())
          throw new Error('digests')
        // Written anew and read again it is the same.
        const written = writeContent({
          original: 'multipart/related; boundary=b',
          part: opened.part,
          message,
          body,
        })
        const again = await openContent({
          contentType: written.contentType,
          content: Readable.from(await contentOf(written.content.open), { objectMode: false }),
          limits: LIMITS,
        })
        const twice = await again.takeAttachments(spoolOf())
        if (!again.part.bytes.equals(message)) throw new Error('the message, written anew')
        const second = twice?.attachments?.map((one) => one.sha512.toString('hex')) ?? []
        if (second.join() !== digests.join()) throw new Error('digests, written anew')
        if (written.content.size !== (await contentOf(written.content.open)).length) throw new Error('size')
      },
    ),
    { numRuns: 300 },
  )
  t.pass()
})

t.test('another server is told a boundary that stands in no attachment, for it may write with it', (t) => {
  // X-Road reads `----` in this one.
  const told = typeForPeer('Multipart/Related; BOUNDARY=----=_Part_0.1; type=text/xml; start=<a@b>')
  t.match(told, /^multipart\/related; type="text\/xml"; start="<a@b>"; boundary="xroad[A-Za-z]{30}"$/)
  t.not(told, typeForPeer(told), 'another one each time')
  for (const other of ['text/xml; charset=utf-8', 'application/xop+xml', '', 'multipart/related; ='])
    t.equal(typeForPeer(other), other)
  t.end()
})

t.test('a body longer than was said ends', async (t) => {
  const bytes = randomBytes(100)
  const open = (): Readable => Readable.from(piecesOf(bytes, 30), { objectMode: false })
  const body: Body = { size: 10, sha512: sha512(bytes), open, discard: async () => undefined }
  const framed = frameBody(body, { before: [Buffer.from('[')], end: Buffer.from(']') })
  t.strictSame(await contentOf(framed.open), Buffer.concat([Buffer.from('['), bytes, Buffer.from(']')]))
})

t.test('what no program may write', async (t) => {
  const message = Buffer.from('<a/>')
  const read = (contentType: string, content: Buffer): Promise<string> =>
    codeOf(
      openContent({
        contentType,
        content: Readable.from([content], { objectMode: false }),
        limits: LIMITS,
      }).then((opened) => opened.takeAttachments(spoolOf())),
    )
  const type = 'multipart/related; boundary=b'
  const bad: [what: string, contentType: string, content: Buffer, code: string][] = [
    ['no type', '', message, 'invalid_content_type'],
    ['JSON', 'application/json', message, 'invalid_content_type'],
    ['a doubled boundary', 'multipart/related; boundary=b; boundary=c', message, 'invalid_content_type'],
    ['no end', type, related([[ROOT, message]]).subarray(0, -8), 'mime_parsing_failed'],
    ['nothing', type, Buffer.alloc(0), 'mime_parsing_failed'],
    ['no part', type, Buffer.from('--b--\r\n'), 'missing_soap'],
    ['a doubled header', type, related([[`${ROOT}\r\n${ROOT}`, message]]), 'mime_parsing_failed'],
    [
      'a part without type',
      type,
      related([
        [ROOT, message],
        ['A: b', message],
      ]),
      'invalid_content_type',
    ],
    ['headers without end', type, Buffer.from(`--b\r\n${'A'.repeat(20_000)}`), 'mime_parsing_failed'],
    ['a message that is too large', 'text/xml', Buffer.alloc(10_001), 'body_too_large'],
    ['a part that is too large', type, related([[ROOT, Buffer.alloc(10_001)]]), 'body_too_large'],
    ['a preamble without end', type, Buffer.alloc(5_000, 'a'), 'mime_parsing_failed'],
  ]
  for (const [what, contentType, content, code] of bad) t.equal(await read(contentType, content), code, what)
  const many = new Array<[string, Buffer]>(1_001).fill(['Content-Type: a/b', Buffer.from('x')])
  t.equal(await read(type, related([[ROOT, message], ...many])), 'mime_parsing_failed', 'too many')
  const lines = Array.from({ length: 15 }, (_, at) => `X${at}: ${'x'.repeat(900)}`).join('\r\n')
  const long: [string, Buffer] = [`Content-Type: a/b\r\n${lines}`, message]
  t.equal(
    await read(type, related([[ROOT, message], ...new Array<[string, Buffer]>(20).fill(long)])),
    'headers_too_large',
  )
  const cut = new Readable({ read() {} })
  cut.push(
    related([
      [ROOT, message],
      ['Content-Type: a/b', randomBytes(50)],
    ]).subarray(0, -20),
  )
  const opened = await openContent({ contentType: type, content: cut, limits: LIMITS })
  const spool = spoolOf()
  const taking = codeOf(opened.takeAttachments(spool))
  cut.destroy(new Error('gone'))
  t.equal(await taking, 'invalid_request', 'a client that goes away')
  t.equal(spool.open, 0, 'leaves nothing')
})

t.test('a header that no X-Road server reads is refused before anything is sent', async (t) => {
  const message = Buffer.from('<a/>')
  const type = 'multipart/related; boundary=b'
  const given = (root: string, own: string) =>
    related([
      [root, message],
      [own, Buffer.from('x')],
    ])
  const read = async (contentType: string, content: Buffer) => {
    const stream = Readable.from([content], { objectMode: false })
    const opened = await openContent({ contentType, content: stream, limits: LIMITS })
    return opened.takeAttachments(spoolOf())
  }
  const answered = async (content: Buffer, isForXRoad = true) => {
    const taker = takeSoapAnswer(type, { spool: spoolOf(), limits: LIMITS, isForXRoad })
    await taker.write(content)
    return taker.end()
  }
  // With the name, the colon, a space and CRLF: 999 octets, which X-Road reads, and 1,000.
  const [most, more] = ['x'.repeat(999 - 'x-y: \r\n'.length), 'x'.repeat(1000 - 'x-y: \r\n'.length)]
  const own = (value: string): string => `Content-Type: a/b\r\nX-Y: ${value}`
  t.ok(await read(type, given(ROOT, own(most))))
  t.ok(await answered(given(ROOT, own(most))))
  const why = { code: 'mime_parsing_failed', what: /^a header of a part has a line of over 997 octets/ }
  await t.rejects(read(type, given(ROOT, own(more))), why)
  await t.rejects(read(type, given(`${ROOT}\r\nX-Y: ${more}`, own(''))), why, 'of the document')
  const folded = `${more.slice(0, 600)}\r\n ${more.slice(600)}`
  await t.rejects(read(type, given(ROOT, own(folded))), why, 'folded, since it is written on one line')
  await t.rejects(answered(given(ROOT, own(more))), {
    code: 'service_failed',
    what: /^its answer: a header of/,
  })
  t.ok(await answered(given(`${ROOT}\r\nX-Y: ${more}`, own(more)), false), 'an answer that our servers read')
  const named = (name: string) =>
    given(ROOT, `${name === 'Content-Type' ? '' : own('')}\r\n${name}: ${more}`.trim())
  for (const name of ['Content-Type', 'Content-ID', 'Content-Disposition', 'Content-Transfer-Encoding'])
    await t.rejects(read(type, named(name)), {
      ...{ code: 'mime_parsing_failed', what: new RegExp(`^the header ${name.toLowerCase()} of a part`) },
    })
  await t.rejects(read(type, named('X-49001010000')), why, 'nobody logs a name that a client chose')
  await t.rejects(read(`text/xml; x=${more}`, message), { code: 'mime_parsing_failed' })
})

t.test('a document that comes too slowly holds no room', async (t) => {
  const real = performance.now
  t.teardown(() => Object.assign(performance, { now: real }))
  for (const contentType of ['text/xml', 'multipart/related; boundary=b']) {
    let late = 0
    Object.assign(performance, { now: () => real.call(performance) + late })
    const slow = new Readable({ read() {} })
    const opening = codeOf(openContent({ contentType, content: slow, limits: LIMITS }))
    slow.push(`--b\r\n${ROOT}\r\n\r\n${'<a>'.repeat(1000)}`)
    late = 61_000
    slow.push('<b>'.repeat(1000))
    t.equal(await opening, 'request_timeout', contentType)
    slow.destroy()
  }
})

t.test('what is being read of one address leaves room for others, and counts until it is read', async (t) => {
  const MB = Buffer.alloc(1_000_000, 'a')
  const limits = { ...LIMITS, maxSoapBytes: 10_000_000 }
  const faults: Fault[] = []
  const begin = async (from: string) => {
    const content = new Readable({ read: () => undefined })
    const opened = openContent({ contentType: 'text/xml', content, limits, from })
    let fault: Fault | undefined
    opened.catch((thrown: Fault) => {
      fault = thrown
      faults.push(thrown)
    })
    await turn()
    for (let i = 0; i < 10 && fault === undefined; i++) {
      content.push(MB)
      await turn()
    }
    return { content, opened, fault: (): string | undefined => fault?.code }
  }
  const several = async (from: string, count: number) => {
    const begun: Awaited<ReturnType<typeof begin>>[] = []
    for (let i = 0; i < count; i++) begun.push(await begin(from))
    return begun
  }
  const silent = await several('10.0.0.1', 13)
  t.strictSame(faults, [])
  t.equal((await begin('10.0.0.1')).fault(), 'too_many_requests')
  t.match(faults[0], { what: 'SOAP messages that are being read', retryAfter: 1 })
  const other = await several('10.0.0.2', 12)
  t.strictSame(
    other.map(({ fault }) => fault()),
    Array.from({ length: 12 }, () => undefined),
    'another address has its own share',
  )
  const third = await several('10.0.0.3', 2)
  t.strictSame(
    third.map(({ fault }) => fault()),
    [undefined, 'too_many_requests'],
    'in all',
  )
  const [whole, ...rest] = silent
  whole!.content.push(null)
  const { letGo } = await whole!.opened
  t.equal((await begin('10.0.0.1')).fault(), 'too_many_requests', 'whole, and still to be read')
  letGo()
  letGo()
  const next = await begin('10.0.0.1')
  t.equal(next.fault(), undefined)
  const gone = [next, third[0]!, ...rest, ...other].map(({ content, opened }) => {
    content.destroy()
    return codeOf(opened)
  })
  t.strictSame([...new Set(await Promise.all(gone))], ['invalid_request'])
  const again = await several('10.0.0.1', 12)
  t.ok(again.every(({ fault }) => fault() === undefined))
  for (const { content, opened } of again) {
    content.destroy()
    await codeOf(opened)
  }
})

t.test('what a nested multipart of a peer may not be', async (t) => {
  const take = async (bytes: Buffer): Promise<string> => {
    const taker = takeNested('n', { spool: spoolOf(), maxBytes: 1000 })
    return codeOf(
      (async () => {
        await taker.write(bytes)
        return taker.end()
      })(),
    )
  }
  const one = Buffer.from('--n\r\ncontent-type: a/b\r\n\r\nx\r\n--n--\r\n')
  t.equal(await take(one), 'none')
  t.equal(await take(Buffer.concat([Buffer.from('\r\n'), one])), 'none', 'as X-Road nests it')
  t.equal(await take(Buffer.concat([Buffer.from('\r\n\r\n'), one])), 'mime_parsing_failed')
  t.equal(await take(Buffer.from('--n--\r\n')), 'mime_parsing_failed', 'empty')
  t.equal(await take(Buffer.concat([Buffer.from('preamble\r\n'), one])), 'mime_parsing_failed')
  t.equal(
    await take(Buffer.from('--n\r\ncontent-type: a/b;\r\n c=d\r\n\r\nx\r\n--n--\r\n')),
    'mime_parsing_failed',
    'folded',
  )
  t.equal(await take(Buffer.concat([one, Buffer.from('more')])), 'mime_parsing_failed')
})
