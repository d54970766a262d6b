/** The DER reader against its writer, openssl and hostile bytes. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { Fault } from '#schemas/fault.ts'
import {
  children,
  expectTag,
  onlyChild,
  parseDer,
  readBitString,
  readBoolean,
  readEnumerated,
  readIa5,
  readInteger,
  readNull,
  readOctetString,
  readOid,
  readSmallInteger,
  readText,
  readTime,
} from './der.ts'
import { der } from './der-write.ts'
import { OID } from './oids.ts'

const bytes = fc.uint8Array({ maxLength: 400 }).map((array) => Buffer.from(array))
const hex = (text: string): Buffer => Buffer.from(text.replace(/ /g, ''), 'hex')

/** Reads with `reader`; anything that it throws must be `malformed_der`. */
function outcome<T>(reader: () => T): T | 'refused' {
  try {
    return reader()
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.code === 'malformed_der') return 'refused'
    throw thrown
  }
}

t.test('what is written is read back', async (t) => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 600n), max: 2n ** 600n }), (value) => {
      return readInteger(parseDer(der.integer(value))) === value
    }),
  )
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 70 }), (array) => {
      const value = BigInt(`0x0${Buffer.from(array).toString('hex')}`)
      return readInteger(parseDer(der.integer(Buffer.from(array)))) === value
    }),
  )
  fc.assert(
    fc.property(fc.nat({ max: 2 ** 31 - 1 }), (value) => {
      const small = readSmallInteger(parseDer(der.integer(value))) === value
      return small && readEnumerated(parseDer(der.enumerated(value))) === value
    }),
  )
  const arcs = fc.array(fc.bigInt({ min: 0n, max: 2n ** 70n }), { maxLength: 8 })
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 2 }),
      fc.integer({ min: 0, max: 39 }),
      arcs,
      (top, second, rest) => {
        const text = [top, second, ...rest].join('.')
        return readOid(parseDer(der.oid(text))) === text
      },
    ),
  )
  fc.assert(fc.property(bytes, (value) => readOctetString(parseDer(der.octetString(value))).equals(value)))
  fc.assert(
    fc.property(bytes, fc.integer({ min: 0, max: 7 }), (value, unused) => {
      const kept = Buffer.from(value)
      if (kept.length === 0) return true
      kept[kept.length - 1] = (kept.at(-1)! >> unused) << unused
      const read = readBitString(parseDer(der.bitString(kept, unused)))
      return read.unused === unused && read.bytes.equals(kept)
    }),
  )
  const text = fc.string({ unit: 'grapheme' }).filter((value) => !value.includes('\0'))
  fc.assert(fc.property(text, (value) => readText(parseDer(der.utf8(value))) === value))
  const second = fc
    .integer({ min: Date.UTC(1950, 0), max: Date.UTC(2049, 11, 31) })
    .map((ms) => ms - (ms % 1000))
  fc.assert(
    fc.property(second, (ms) => {
      const date = new Date(ms)
      const same = readTime(parseDer(der.generalizedTime(date))).getTime() === ms
      return same && readTime(parseDer(der.utcTime(date))).getTime() === ms
    }),
  )
  t.equal(readBoolean(parseDer(der.boolean(true))), true)
  t.equal(readBoolean(parseDer(der.boolean(false))), false)
  readNull(parseDer(der.null()))
  const nested = parseDer(der.sequence(der.explicit(0, der.integer(5)), der.contextPrimitive(1, hex('ab'))))
  t.equal(readInteger(onlyChild(children(nested)[0]!)), 5n)
  t.equal(readOctetString(children(nested)[1], 0x81).toString('hex'), 'ab')
  t.equal(der.implicit(2, der.sequence(der.null()))[0], 0xa2)
  t.equal(der.implicit(2, der.octetString(hex('01')))[0], 0x82)
  t.same(
    children(parseDer(der.setOf(der.integer(3), der.boolean(true), der.integer(1)))).map(({ tag }) => tag),
    [1, 2, 2],
    'a set is sorted by its encoding',
  )
})

t.test('times beyond the round trip', async (t) => {
  const generalized = (text: string): Buffer =>
    Buffer.concat([Buffer.of(0x18, text.length), Buffer.from(text)])
  const utc = (text: string): Buffer => Buffer.concat([Buffer.of(0x17, text.length), Buffer.from(text)])
  t.equal(readTime(parseDer(utc('491231235959Z'))).toISOString(), '2049-12-31T23:59:59.000Z')
  t.equal(readTime(parseDer(utc('500101000000Z'))).toISOString(), '1950-01-01T00:00:00.000Z')
  t.equal(readTime(parseDer(generalized('00010101000000Z'))).getUTCFullYear(), 1)
  const half = parseDer(generalized('20300101000000.5Z'))
  t.equal(readTime(half, { fractions: true }).toISOString(), '2030-01-01T00:00:00.500Z')
  t.equal(
    outcome(() => readTime(half)),
    'refused',
  )
  for (const text of ['20300101000000.50Z', '20300101000000.Z', '20300101000000,5Z', '203001010000Z']) {
    t.equal(
      outcome(() => readTime(parseDer(generalized(text)), { fractions: true })),
      'refused',
      text,
    )
  }
  for (const text of [
    '20300229000000Z',
    '20301301000000Z',
    '20300101240000Z',
    '20300101000060Z',
    '20300100000000Z',
  ]) {
    t.equal(
      outcome(() => readTime(parseDer(generalized(text)))),
      'refused',
      text,
    )
  }
  for (const text of ['3001010000Z', '300101000000+0000', '300101000000', '30010100000aZ', '300101000000z']) {
    t.equal(
      outcome(() => readTime(parseDer(utc(text)))),
      'refused',
      text,
    )
  }
})

t.test('strings', async (t) => {
  const string = (tag: number, content: Buffer): Buffer =>
    Buffer.concat([Buffer.of(tag, content.length), content])
  t.equal(readText(parseDer(string(0x1e, hex('00410 0e9'.replace(/ /g, ''))))), 'Aé', 'BMP')
  t.equal(readText(parseDer(string(0x14, hex('e9')))), 'é', 'Teletex as Latin-1')
  t.equal(readText(parseDer(der.printable('a b'))), 'a b')
  t.equal(readIa5(parseDer(der.ia5('a@b'))), 'a@b')
  t.equal(readText(parseDer(der.utf8('\ufeffx'))), '\ufeffx', 'no mark is swallowed')
  const refused: [string, Buffer][] = [
    ['UTF-8 cut short', string(0x0c, hex('c3'))],
    ['UTF-8 overlong', string(0x0c, hex('c080'))],
    ['UTF-8 surrogate', string(0x0c, hex('eda080'))],
    ['zero character', string(0x0c, hex('410042'))],
    ['beyond ASCII in PrintableString', string(0x13, hex('e9'))],
    ['beyond ASCII in IA5String', string(0x16, hex('80'))],
    ['BMP of odd length', string(0x1e, hex('004100'))],
    ['BMP surrogate', string(0x1e, hex('d83dde00'))],
    ['not a string', der.integer(1)],
  ]
  for (const [name, element] of refused)
    t.equal(
      outcome(() => readText(parseDer(element))),
      'refused',
      name,
    )
})

t.test('what is not DER is refused', async (t) => {
  const structures: [string, string][] = [
    ['nothing', ''],
    ['a tag alone', '30'],
    ['content missing', '3003 0201'],
    ['bytes after the end', '0500 00'],
    ['indefinite length', '3080 0500 0000'],
    ['indefinite length inside', '3006 3080 0500 0000'],
    ['long form for a short length', '04 81 01 00'],
    ['length with a leading zero', '04 82 0080'.replace(/ /g, '') + '00'.repeat(128)],
    ['length of four octets', '04 84 00000001 00'],
    ['length of 127 octets', '04 ff 00'],
    ['huge length', '04 83 ffffff 00'],
    ['length cut short', '04 82 01'],
    ['tag of several octets', '1f 81 00 00'],
    ['tag of several octets inside', '3004 bf810000'],
    ['end-of-contents', '0000'],
    ['primitive SEQUENCE', '1000'],
    ['primitive SET', '1100'],
    ['constructed OCTET STRING', '2404 04 02 0102'],
    ['constructed INTEGER', '2203 020100'],
    ['constructed UTF8String', '2c03 0c0141'],
    ['an element longer than its parent', '3003 0402 ab'],
    ['a parent that ends inside an element', '3005 0402 ab04 04'],
    ['garbage in a constructed context tag', 'a002 ffff'],
  ]
  for (const [name, text] of structures)
    t.equal(
      outcome(() => parseDer(hex(text))),
      'refused',
      name,
    )
  const values: [string, string, (element: Buffer) => unknown][] = [
    ['empty integer', '0200', (b) => readInteger(parseDer(b))],
    ['positive integer with a spare octet', '02020001', (b) => readInteger(parseDer(b))],
    ['negative integer with a spare octet', '0202ff80', (b) => readInteger(parseDer(b))],
    ['negative small integer', '0201ff', (b) => readSmallInteger(parseDer(b))],
    ['small integer of five octets', '02050100000000', (b) => readSmallInteger(parseDer(b))],
    ['boolean of two octets', '01020000', (b) => readBoolean(parseDer(b))],
    ['boolean 1', '010101', (b) => readBoolean(parseDer(b))],
    ['null with content', '050100', (b) => readNull(parseDer(b))],
    ['empty object identifier', '0600', (b) => readOid(parseDer(b))],
    ['object identifier with a padded arc', '06032a8001', (b) => readOid(parseDer(b))],
    ['object identifier cut short', '06022a81', (b) => readOid(parseDer(b))],
    ['bit string without count', '0300', (b) => readBitString(parseDer(b))],
    ['bit string with eight unused', '03020800', (b) => readBitString(parseDer(b))],
    ['empty bit string with unused', '030101', (b) => readBitString(parseDer(b))],
    ['bit string with dirty padding', '03020101', (b) => readBitString(parseDer(b))],
    ['another tag', '0201 00', (b) => expectTag(parseDer(b), 0x30, 'it')],
    ['children of a primitive', '0401 00', (b) => children(parseDer(b))],
    ['two where one belongs', 'a004 0500 0500', (b) => onlyChild(parseDer(b))],
    ['none where one belongs', 'a000', (b) => onlyChild(parseDer(b))],
  ]
  for (const [name, text, reader] of values)
    t.equal(
      outcome(() => reader(hex(text))),
      'refused',
      name,
    )
  t.equal(
    outcome(() => readInteger(undefined)),
    'refused',
    'missing',
  )
})

t.test('limits hold', async (t) => {
  const nested = (depth: number): Buffer => (depth === 0 ? der.null() : der.sequence(nested(depth - 1)))
  t.equal(children(parseDer(nested(32))).length, 1)
  t.equal(
    outcome(() => parseDer(nested(33))),
    'refused',
    'depth',
  )
  let deep: Buffer = der.null()
  for (let i = 0; i < 5000; i++) deep = der.sequence(deep)
  t.equal(
    outcome(() => parseDer(deep)),
    'refused',
    'depth 5000',
  )
  t.equal(children(parseDer(der.sequence(Buffer.alloc(2 * 99_998, hex('0500'))))).length, 99_998)
  t.equal(
    outcome(() => parseDer(der.sequence(Buffer.alloc(2 * 100_001, hex('0500'))))),
    'refused',
    'elements',
  )
  t.equal(
    outcome(() => parseDer(der.octetString(Buffer.alloc(4 * 1024 * 1024)))),
    'refused',
    'size',
  )
  t.equal(
    outcome(() => readInteger(parseDer(der.octetString(Buffer.alloc(5000)).fill(0x02, 0, 1)))),
    'refused',
  )
  t.equal(
    outcome(() => readOid(parseDer(Buffer.concat([hex('068200c8'), Buffer.alloc(200, 1)])))),
    'refused',
  )
})

t.test('truncated at each octet, or with one more, nothing is read', async (t) => {
  const whole = der.sequence(
    der.oid(OID.sha256),
    der.set(der.utf8('é'), der.octetString(Buffer.alloc(200))),
    der.null(),
  )
  parseDer(whole)
  for (let end = 0; end < whole.length; end++) {
    if (outcome(() => parseDer(whole.subarray(0, end))) !== 'refused') t.fail(`accepted ${end} octets`)
  }
  t.equal(
    outcome(() => parseDer(Buffer.concat([whole, Buffer.of(0)]))),
    'refused',
  )
})

t.test('any bytes give a value or this fault, and a value has one encoding', async () => {
  const walk = (element: ReturnType<typeof parseDer>): Buffer => {
    if ((element.tag & 0x20) === 0) return element.raw
    const inside = Buffer.concat(children(element).map(walk))
    return Buffer.concat([element.raw.subarray(0, element.raw.length - element.content.length), inside])
  }
  const readers = [readInteger, readOid, readBitString, readBoolean, readText, readTime, readNull]
  const likely = fc
    .array(fc.constantFrom(0x30, 0x31, 0x02, 0x04, 0x06, 0x03, 0x0c, 0xa0, 0x80, 0x81, 0, 1, 2, 3, 5, 0xff))
    .map((array) => Buffer.from(array))
  fc.assert(
    fc.property(fc.oneof(bytes, likely), (input) => {
      const element = outcome(() => parseDer(input))
      if (element === 'refused') return true
      for (const reader of readers) outcome(() => reader(element))
      return walk(element).equals(input)
    }),
    { numRuns: 3000 },
  )
})

t.test('openssl reads what is written', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'asn1-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const file = join(directory, 'x.der')
  const date = new Date('2031-02-03T04:05:06.789Z')
  const parts = [
    der.integer(-129),
    der.oid(OID.ecdsaWithSHA256),
    der.utcTime(date),
    der.generalizedTime(date),
  ]
  writeFileSync(file, der.sequence(...parts, der.setOf(der.utf8('x'), der.boolean(true)), der.enumerated(4)))
  const read = execFileSync('openssl', ['asn1parse', '-inform', 'DER', '-in', file]).toString()
  for (const value of [
    'INTEGER           :-81',
    'ecdsa-with-SHA256',
    ':310203040506Z',
    ':20310203040506Z',
    'ENUMERATED',
  ]) {
    t.match(read, value)
  }
})

t.test('mistakes of the program are plain errors', async (t) => {
  for (const text of ['', '1', '3.1', '1.40', '1.2.', '1.02', '1.2.x'])
    t.throws(() => der.oid(text), RangeError, text)
  t.throws(() => der.utcTime(new Date('2050-01-01')), RangeError)
  const all = Object.values(OID)
  t.equal(new Set(all).size, all.length, 'no identifier has two names')
  for (const oid of all) t.equal(readOid(parseDer(der.oid(oid))), oid)
})
