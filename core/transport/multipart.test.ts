import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { PassThrough, Readable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import t from 'tap'
import { Fault, type FaultCode } from '#schemas/fault.ts'
import { type Dialect, parseContentType } from './content-type.ts'
import { createMultipartParser, type MultipartLimits } from './multipart-parser.ts'
import { boundaryOf, readMultipart } from './multipart-reader.ts'
import { closeDelimiter, newBoundary, partHead } from './multipart-writer.ts'
import { readStream } from './read-stream.ts'

const LIMITS: MultipartLimits = { maxParts: 100, maxHeaderBytes: 16_384 }

type Part = { headers: Record<string, string>; body: string }
const B = 'xtopABCDEFGHIJKLMNOPQRSTUVWXYZabcd'

function parse(
  chunks: Buffer[],
  boundary = B,
  limits: MultipartLimits = LIMITS,
  dialect: Dialect = 'servers',
): Part[] | FaultCode {
  const parts: Part[] = []
  const open = new Set<number>()
  const parser = createMultipartParser({
    boundary,
    limits,
    dialect,
    onPart(headers, index) {
      if (index !== parts.length || open.size > 0) throw new Error('parts overlap')
      const part = { headers: Object.fromEntries(headers), body: '' }
      parts.push(part)
      open.add(index)
      return {
        write(chunk) {
          if (chunk.length === 0) throw new Error('an empty write')
          part.body += chunk.toString('latin1')
        },
        end: () => void open.delete(index),
      }
    },
  })
  try {
    for (const chunk of chunks)
      if (parser.push(chunk) !== undefined) throw new Error('nothing here is asynchronous')
    parser.finish()
    if (open.size > 0) throw new Error('a part was not ended')
    return parts
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown.code
    throw thrown
  }
}

const text = (parts: [type: string, body: string][], boundary = B): string =>
  parts.map(([type, body], i) => partHead(boundary, type, i === 0).toString('latin1') + body).join('') +
  closeDelimiter(boundary).toString('latin1')
const latin1 = (value: string): Buffer => Buffer.from(value, 'latin1')
const bytewise = (value: Buffer): Buffer[] => Array.from(value, (byte) => Buffer.of(byte))

const PARTS: [string, string][] = [
  ['application/ocsp-response', '\r\n'],
  ['application/x-road-rest-request', `GET\r\n/r1/a\r\n--${B.slice(0, -1)}\r\r\n--\r\n`],
  ['application/x-road-rest-body', ''],
  ['signature/bdoc-1.0/ts', `\r\n\r\n-\u00ff${'x'.repeat(300)}\r\n--xtop\r`],
]

void t.test('the bytes X-Road writes', async (t) => {
  const nested = 'xattabc'
  const whole = Buffer.concat([
    partHead(B, 'text/xml; charset=UTF-8', true, [['x-own', 'a']]),
    Buffer.from('<x/>'),
    partHead(B, `multipart/mixed; charset=UTF-8; boundary=${nested}`, false),
    partHead(nested, 'text/plain', true, [['content-id', '<a>']]),
    Buffer.from('one'),
    closeDelimiter(nested),
    partHead(B, 'signature/bdoc-1.0/ts', false),
    Buffer.from('<s/>'),
    closeDelimiter(B),
  ])
  t.equal(
    whole.toString(),
    `--${B}\r\ncontent-type: text/xml; charset=UTF-8\r\nx-own: a\r\n\r\n<x/>\r\n--${B}\r\ncontent-type: multipart/mixed; charset=UTF-8; boundary=xattabc\r\n\r\n--xattabc\r\ncontent-type: text/plain\r\ncontent-id: <a>\r\n\r\none\r\n--xattabc--\r\n\r\n--${B}\r\ncontent-type: signature/bdoc-1.0/ts\r\n\r\n<s/>\r\n--${B}--\r\n`,
  )
  const parts = parse([whole]) as Part[]
  t.strictSame(
    parts.map((part) => part.body.length),
    [4, 74, 4],
  )
  t.match(parse([latin1((parts[1] as Part).body)], nested), [
    { headers: { 'content-id': '<a>' }, body: 'one' },
  ])
  t.match(newBoundary('xtop'), /^xtop[A-Za-z]{30}$/)
  t.not(newBoundary('xatt'), newBoundary('xatt'))
  t.throws(() => partHead(B, 'a\r\nb: c', true), { code: 'invalid_content_type' })
  t.throws(() => partHead(B, 'a', true, [['x', 'a\nb']]), { code: 'invalid_header' })
})

void t.test('one event sequence, however the bytes are cut', async (t) => {
  const whole = latin1(text(PARTS))
  const expected = PARTS.map(([type, body]) => ({ headers: { 'content-type': type }, body }))
  t.strictSame(parse([whole]), expected)
  t.strictSame(parse(bytewise(whole)), expected)
  for (let at = 1; at < whole.length; at++) {
    const cut = parse([whole.subarray(0, at), whole.subarray(at)])
    if (JSON.stringify(cut) !== JSON.stringify(expected)) t.strictSame(cut, expected, `cut at ${at}`)
    if (at < whole.length - 2 && parse([whole.subarray(0, at)]) !== 'mime_parsing_failed') {
      t.fail(`truncated at ${at}`)
    }
  }
  const piece = fc.constantFrom('\r', '\n', '-', '--', `--${B}`, `\r\n--${B.slice(0, 9)}`, 'a', '\u00ff')
  const body = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''))
  const clean = body.filter((value) => !`\r\n${value}`.includes(`\r\n--${B}`))
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom('a/b', 'c/d'), clean), { minLength: 1, maxLength: 4 }),
      fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 20 }),
      (parts, sizes) => {
        const bytes = latin1(text(parts))
        const chunks: Buffer[] = []
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const size = sizes[i % sizes.length] as number
          chunks.push(bytes.subarray(at, at + size))
          at += size
        }
        const wanted = JSON.stringify(
          parts.map(([type, body]) => ({ headers: { 'content-type': type }, body })),
        )
        return JSON.stringify(parse([bytes])) === wanted && JSON.stringify(parse(chunks)) === wanted
      },
    ),
    { numRuns: 2_000 },
  )
})

void t.test('what other readers read otherwise is refused, whole and byte by byte', async (t) => {
  const good = text(PARTS.slice(0, 2))
  const refused: [string, string][] = [
    ['a preamble', `preamble\r\n${good}`],
    ['an empty line before', `\r\n${good}`],
    ['LF line ends', good.replaceAll('\r\n', '\n')],
    ['CR line ends', good.replaceAll('\r\n', '\r')],
    ['one LF in the headers', good.replace('response\r\n', 'response\n')],
    ['a bare CR in a header', good.replace('ocsp-', 'ocsp\r-')],
    ['padding behind the boundary', good.replace(`--${B}\r\n`, `--${B} \r\n`)],
    ['a longer boundary', good.replace(`\r\n--${B}\r\n`, `\r\n--${B}X\r\n`)],
    ['a dash behind the boundary', good.replace(`--${B}--`, `--${B}-\r\n`)],
    ['an epilogue', `${good}epilogue`],
    ['a second message', good + good],
    ['NUL behind the end', `${good}\0`],
    ['much white space behind the end', good + ' '.repeat(2_000)],
    ['a folded header', good.replace('\r\n\r\n', '\r\n folded\r\n\r\n')],
    ['a doubled header', good.replace('\r\n\r\n', '\r\nContent-Type: b/c\r\n\r\n')],
    ['a header without a colon', good.replace('\r\n\r\n', '\r\nnothing\r\n\r\n')],
    ['a space before the colon', good.replace('content-type:', 'content-type :')],
    ['NUL in a header', good.replace('ocsp', 'oc\0sp')],
    ['a part without body', `--${B}\r\na: b\r\n\r\n--${B}--`],
    ['headers that never end', `--${B}\r\na: ${'b'.repeat(20_000)}`],
    ['no close delimiter', good.slice(0, good.lastIndexOf('\r\n--'))],
    ['no part at all but open', `--${B}\r\n`],
    ['nothing', ''],
    ['only the boundary', `--${B}`],
  ]
  for (const [what, body] of refused) {
    t.equal(parse([latin1(body)]), 'mime_parsing_failed', what)
    t.equal(parse(bytewise(latin1(body))), 'mime_parsing_failed', `${what}, byte by byte`)
  }
  t.strictSame(parse([latin1(`--${B}--`)]), [], 'no parts: the caller misses them')
  t.match(parse([latin1(`--${B}\r\n\r\nbody\r\n--${B}-- \r\n\t\n`)]), [{ headers: {}, body: 'body' }])
  t.match(parse([latin1(good.replace('\r\n\r\n', '\r\nX-A: \t b c\t\r\nx-b:\r\n\r\n'))]), [
    { headers: { 'x-a': 'b c', 'x-b': '' } },
    {},
  ])
  const many = text(new Array(4).fill(['a/b', 'x']))
  t.equal(parse([latin1(many)], B, { ...LIMITS, maxParts: 3 }), 'mime_parsing_failed')
  t.equal(parse([latin1(many)], B, { ...LIMITS, maxHeaderBytes: 10 }), 'mime_parsing_failed')
  const base = latin1(good)
  fc.assert(
    fc.property(
      fc.nat(base.length - 1),
      fc.constantFrom(0, 9, 10, 13, 32, 45, 58, 59, 255),
      fc.nat(2),
      (at, byte, how) => {
        const mutated = Buffer.concat([
          base.subarray(0, at),
          how === 2 ? Buffer.alloc(0) : Buffer.of(byte),
          base.subarray(how === 0 ? at : at + 1),
        ])
        return JSON.stringify(parse([mutated])) === JSON.stringify(parse(bytewise(mutated)))
      },
    ),
    { numRuns: 2_000 },
  )
})

void t.test('systems may end lines with LF, everywhere or nowhere, and write around the parts', async (t) => {
  const bySystem = (whole: string): Part[] | FaultCode => {
    const [whole_, bytewise_] = [[latin1(whole)], bytewise(latin1(whole))].map((chunks) =>
      parse(chunks, B, LIMITS, 'systems'),
    )
    t.strictSame(whole_, bytewise_, 'however the bytes are cut')
    return whole_!
  }
  const crlf = `before\r\n--${B} \t\r\na: b\r\n c\r\n\r\nx\n--${B}\n\r\n--${B}\r\n\r\n\r\n--${B}--  \r\nbehind`
  t.strictSame(bySystem(crlf), [
    { headers: { a: 'b c' }, body: `x\n--${B}\n` },
    { headers: {}, body: '' },
  ])
  const lf = `before\n--${B} \t\na: b\n c\n\nx\r\n\r\n--${B}\n\n\n--${B}--\nbehind`
  t.strictSame(bySystem(lf), [
    { headers: { a: 'b c' }, body: 'x\r\n\r' },
    { headers: {}, body: '' },
  ])
  t.match(bySystem(`before\n--${B}\r\na: b\r\n\r\nx\r\n--${B}--`), [{ body: 'x' }], 'the preamble is no part')
  for (const lineEnd of ['\r\n', '\n'])
    t.match(
      bySystem([`--${B}`, 'a: b;', '\t c="1', '  2"', ' ', 'd: e', '', 'x', `--${B}--`].join(lineEnd)),
      [{ headers: { a: 'b;\t c="1  2"', d: 'e' } }],
      'white space at which a header was folded stays, as X-Road reads it',
    )
  for (const [what, mixed] of [
    ['CRLF in the headers', `--${B}\na: b\r\n\r\nx\n--${B}--`],
    ['CRLF behind a header', `--${B}\na: b\r\n\nx\n--${B}--`],
    ['CRLF behind a later boundary', `--${B}\n\nx\n--${B}\r\n\r\ny\n--${B}--`],
    ['LF behind a later boundary', `--${B}\r\n\r\nx\r\n--${B}\n\ny\r\n--${B}--`],
    ['LF in the headers', `--${B}\r\na: b\n\nx\r\n--${B}--`],
    ['a part without body', `--${B}\na: b\n\n--${B}--`],
    ['a longer boundary', `--${B}\n\nx\n--${B}X\n`],
  ] as const)
    t.equal(bySystem(mixed), 'mime_parsing_failed', what)
  for (const lineEnd of ['\r\n', '\n']) {
    const around = (before: number, padding: number, header: number) =>
      bySystem(
        [
          `${'p'.repeat(before)}`,
          `--${B}${' '.repeat(padding)}`,
          `a: ${'h'.repeat(header)}`,
          '',
          'x',
          `--${B}--`,
        ].join(lineEnd),
      )
    const [before, header] = [1_024 - lineEnd.length, LIMITS.maxHeaderBytes - 3 - lineEnd.length]
    t.match(around(before, 64, header), [{ body: 'x' }], 'as much as there may be')
    for (const [more, bounds] of [
      ['preamble', [before + 1, 64, header]],
      ['padding', [before, 65, header]],
      ['headers', [before, 64, header + 1]],
    ] as const)
      t.equal(around(bounds[0]!, bounds[1]!, bounds[2]!), 'mime_parsing_failed', `more ${more}`)
  }
})

void t.test('content types', async (t) => {
  t.equal(boundaryOf('multipart/mixed; charset=UTF-8; boundary=xtopabc'), 'xtopabc')
  t.equal(boundaryOf('Multipart/Related;boundary="a b=?c" ; type="text/xml"'), 'a b=?c')
  t.equal(boundaryOf('multipart/mixed;; boundary=a;'), 'a')
  const bare = `multipart/related; start-info=text/xml; type='application/xop+xml'; start=<a@b>; boundary=:g=k?/:;charset=UTF-8`
  t.equal(boundaryOf(bare, 'systems'), ':g=k?/:', 'values that should have quotes')
  for (const value of [':g=k?/:', 'a:b', 'a/b', 'a=b', 'a?b'])
    t.throws(
      () => boundaryOf(`multipart/mixed; boundary=${value}`),
      { code: 'invalid_content_type' },
      'between servers',
    )
  const cases: [FaultCode, string][] = [
    ['mime_parsing_failed', 'multipart/mixed'],
    ['mime_parsing_failed', 'multipart/mixed; boundary=""'],
    ['mime_parsing_failed', 'multipart/mixed; boundary="a "'],
    ['mime_parsing_failed', `multipart/mixed; boundary=${'a'.repeat(71)}`],
    ['mime_parsing_failed', 'multipart/mixed; boundary=a!b'],
    ['invalid_content_type', 'multipart/mixed; boundary=a; boundary=b'],
    ['invalid_content_type', 'multipart/mixed; boundary=a; Boundary=a'],
    ['invalid_content_type', 'multipart/mixed; boundary=a; boundary*=b'],
    ['invalid_content_type', 'multipart/mixed; boundary*0=a'],
    ['invalid_content_type', 'multipart/mixed; boundary="a\\"b"'],
    ['invalid_content_type', 'multipart/mixed; boundary="a'],
    ['invalid_content_type', 'multipart/mixed; boundary=a b'],
    ['invalid_content_type', 'multipart/mixed; boundary=a(b)'],
    ['invalid_content_type', 'multipart/mixed; boundary=a,b'],
    ['invalid_content_type', 'multipart/mixed; boundary="a"b'],
    ['invalid_content_type', 'multipart/mixed; boundary =a'],
    ['invalid_content_type', 'multipart/mixed boundary=a'],
    ['invalid_content_type', ' multipart/mixed; boundary=a'],
    ['invalid_content_type', 'multipart; boundary=a'],
    ['invalid_content_type', 'text/xml; boundary=a'],
    ['invalid_content_type', `multipart/mixed;${' '.repeat(2_000)}boundary=a`],
    ['invalid_content_type', ''],
  ]
  for (const [code, value] of cases) t.throws(() => boundaryOf(value), { code }, value)
  const { type, parameters } = parseContentType('TEXT/xml; Charset="utf-8"')
  t.strictSame([type, parameters.get('charset')], ['text/xml', 'utf-8'])
})

void t.test('from a stream, at the pace of its handlers', async (t) => {
  const whole = latin1(text([...PARTS, ['a/b', 'y'.repeat(100_000)]]))
  const seen: string[] = []
  let busy = false
  const slowly = async (event: string): Promise<void> => {
    if (busy) throw new Error('called while busy')
    busy = true
    await turn()
    busy = false
    seen.push(event)
  }
  const onPart = (_headers: ReadonlyMap<string, string>, index: number) => ({
    write: (chunk: Buffer) => slowly(`${index}:${chunk.length}`),
    end: () => slowly(`end ${index}`),
  })
  const chunks: Buffer[] = []
  for (let at = 0; at < whole.length; at += 1_000) chunks.push(whole.subarray(at, at + 1_000))
  const q = { boundary: B, limits: LIMITS }
  await readMultipart({ ...q, source: Readable.from(chunks, { objectMode: false }), onPart })
  t.equal(seen.at(-1), 'end 4')
  t.equal(
    seen.filter((event) => event.startsWith('4:')).reduce((sum, event) => sum + Number(event.slice(2)), 0),
    100_000,
  )

  const quiet = () => ({ write: () => {}, end: () => {} })
  await t.rejects(readMultipart({ ...q, source: Readable.from([whole.subarray(0, 90)]), onPart: quiet }), {
    code: 'mime_parsing_failed',
  })
  const broken = new PassThrough()
  const reading = readMultipart({ ...q, source: broken, onPart: quiet })
  broken.write(whole.subarray(0, 90))
  broken.destroy(new Error('reset'))
  await t.rejects(reading, { code: 'connection_lost' })
  const cut = new PassThrough()
  const cutReading = readMultipart({ ...q, source: cut, onPart: quiet })
  cut.destroy()
  await t.rejects(cutReading, { code: 'connection_lost' })
  for (const refuse of [
    () => {
      throw new Fault('body_too_large')
    },
    () => Promise.reject(new Fault('body_too_large')),
  ]) {
    const source = Readable.from([whole])
    const failing = readMultipart({ ...q, source, onPart: () => ({ write: refuse, end: () => {} }) })
    await t.rejects(failing, { code: 'body_too_large' })
    t.ok(source.isPaused())
  }
})

const SAMPLES = new URL('../../test/vectors/x-road/messages/', import.meta.url)
void t.test("X-Road's samples, line ends made CRLF", async (t) => {
  const shapes: Record<string, string[] | FaultCode> = {
    'normal.request': ['text/xml', 'signature/bdoc-1.0/ts'],
    'normal.response': ['text/xml', 'signature/bdoc-1.0/ts'],
    'ocsp.request': ['application/ocsp-response', 'text/xml', 'signature/bdoc-1.0/ts'],
    'invalid-ocsp.request': ['application/ocsp-response', 'text/xml', 'signature/bdoc-1.0/ts'],
    'attachment.request': ['text/xml', 'multipart/mixed', 'signature/bdoc-1.0/ts'],
    'extracontent.request': ['text/xml', 'signature/bdoc-1.0/ts', 'text/plain'],
    'fault-signature.request': ['text/xml', 'text/xml'],
    'invalid-contenttype-signature.request': ['text/xml', 'foo/bar'],
    'invalid-soap-contenttype.request': ['foo/bar', 'signature/bdoc-1.0/ts'],
    'normal-soapfault.request': ['text/xml', 'signature/bdoc-1.0/ts'],
  }
  for (const [name, expected] of Object.entries(shapes)) {
    const raw = readFileSync(new URL(name, SAMPLES), 'latin1').replaceAll(/\r?\n/g, '\r\n')
    const boundary = /--(\S+)/.exec(raw)?.[1] as string
    const parts = parse([latin1(raw)], boundary)
    const shape = Array.isArray(parts)
      ? parts.map((part) => parseContentType(part.headers['content-type'] as string).type)
      : parts
    t.strictSame(shape, expected, name)
  }
})

t.test('a stream that is over already', async (t) => {
  const ended = Readable.from([])
  ended.resume()
  await once(ended, 'end')
  await readStream(ended, () => undefined)
  const gone = new Readable({ read: () => undefined })
  gone.destroy()
  await once(gone, 'close')
  await t.rejects(
    readStream(gone, () => undefined),
    { code: 'connection_lost' },
  )
})
