import fc from 'fast-check'
import t from 'tap'
import { plainValue } from './plain-value.ts'
import { type CborNode, NotCbor, readCbor } from './read-cbor.ts'
import { type CborValue, writeCbor } from './write-cbor.ts'

/** Whether reading is refused, as such. */
function isRefused(read: () => unknown): boolean {
  try {
    read()
    return false
  } catch (thrown) {
    if (thrown instanceof NotCbor) return true
    throw thrown
  }
}

const of = (hex: string): CborNode => readCbor(Buffer.from(hex, 'hex'))

void t.test('the examples of RFC 8949, appendix A', async (t) => {
  const examples: [string, unknown][] = [
    ['00', 0],
    ['17', 23],
    ['1818', 24],
    ['1903e8', 1000],
    ['1a000f4240', 1_000_000],
    ['1b000000e8d4a51000', 1e12],
    ['1bffffffffffffffff', '18446744073709551615'],
    ['20', -1],
    ['3903e7', -1000],
    ['3bffffffffffffffff', '-18446744073709551616'],
    ['fb3ff199999999999a', 1.1],
    ['fa47c35000', 100_000],
    ['fb7ff0000000000000', null],
    ['f4', false],
    ['f5', true],
    ['f6', null],
    ['f7', null],
    ['4401020304', 'AQIDBA'],
    ['6449455446', 'IETF'],
    ['62c3bc', 'ü'],
    ['83010203', [1, 2, 3]],
    ['a0', {}],
    ['a26161016162820203', { a: 1, b: [2, 3] }],
    ['a201020304', { 1: 2, 3: 4 }],
    ['c074323031332d30332d32315432303a30343a30305a', '2013-03-21T20:04:00Z'],
  ]
  for (const [hex, value] of examples) t.strictSame(plainValue(of(hex)), value, hex)
})

void t.test('what two readers could read differently, or what would take too much, is refused', async (t) => {
  const refused: Record<string, string> = {
    nothing: '',
    'cut text': '6449455',
    'cut list': '8301',
    'something behind': '0000',
    'an indefinite list': '9f01ff',
    'an indefinite text': '7f6161ff',
    'a reserved length': '1c',
    'half a float': 'f93c00',
    'a simple value': 'f0',
    'a key twice': 'a2616101616102',
    'a list as key': 'a18001',
    'text that is no UTF-8': '62c328',
    'a list of 2^32': '9affffffff',
    'a text of 2^63': '7b7fffffffffffffff',
    'a tag of 2^64': 'dbffffffffffffffff00',
    'a key of 2^64': 'a11bffffffffffffffff00',
  }
  for (const [what, hex] of Object.entries(refused))
    t.ok(
      isRefused(() => of(hex)),
      what,
    )
  t.ok(
    isRefused(() => readCbor(Buffer.alloc(1_000_000, 0x81))),
    'a million levels',
  )
  const many = Buffer.concat([Buffer.of(0x99, 0xff, 0xff), Buffer.alloc(65_535)])
  t.ok(
    isRefused(() => readCbor(many)),
    'too many',
  )
  t.ok(readCbor(Buffer.from(`${'81'.repeat(16)}00`, 'hex')))
})

void t.test('any bytes are read or refused, and each node knows its own', async (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      try {
        t.ok(readCbor(Buffer.from(bytes)).raw.equals(Buffer.from(bytes)))
      } catch (thrown) {
        if (!(thrown instanceof NotCbor)) throw thrown
      }
    }),
    { numRuns: 500 },
  )
  const { value } = fc.letrec<{ value: CborValue }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.integer({ min: -4_294_967_296, max: 4_294_967_295 }),
      fc.string({ maxLength: 300 }).filter((one) => one.isWellFormed()),
      fc.constant(null),
      fc.array(tie('value'), { maxLength: 4 }),
    ),
  }))
  fc.assert(
    fc.property(value, (one) => t.strictSame(plainValue(readCbor(writeCbor(one))), one)),
    { numRuns: 200 },
  )
})
