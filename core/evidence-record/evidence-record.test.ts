/**
 * Evidence records: made, renewed in both ways, judged over decades; malicious ones are refused, and public
 * tools can read ours.
 */
import { spawnSync } from 'node:child_process'
import { createHash, hash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { parseDer } from '#core/asn1/der.ts'
import { der } from '#core/asn1/der-write.ts'
import type { Certificate } from '#core/certificate/certificate.ts'
import { newKey } from '#core/certificate/certificate-fixture.ts'
import { ALGORITHM_ENDS } from '#core/evidence-bundle/validation-policy.ts'
import { writeDigest } from '#core/timestamp/digest.ts'
import * as T from '#core/timestamp/token-fixture.ts'
import { asFault } from '#schemas/fault.ts'
import type { DigestName } from '#schemas/wire.ts'
import { buildHashTree, rootOf } from './hash-tree.ts'
import { readEvidenceRecord } from './read-evidence-record.ts'
import { verifyEvidenceRecord } from './verify-evidence-record.ts'
import {
  newEvidenceRecord,
  objectHash,
  renewedStampHash,
  renewedTreeHash,
  renewHashTree,
  renewTimeStamp,
} from './write-evidence-record.ts'

const DATA = Buffer.from('a tree head')
const at = (year: number): Date => new Date(Date.UTC(year, 0, 1))

/** A time-stamping authority with the given validity. */
function authority(from: number, to: number) {
  const key = newKey()
  const certificate = T.issued({ key, serial: der.integer(from), notBefore: at(from), notAfter: at(to) })
  const stamp = (imprint: Buffer, year: number, digest: DigestName): Buffer =>
    T.token(
      { certificate, sign: T.signerOf(key), includeCertificates: [certificate] },
      { digest, imprint, time: at(year) },
    )
  return { certificate, stamp }
}
const first = authority(2026, 2032)
const second = authority(2030, 2035)
const third = authority(2034, 2049)
const tsaCertificates: Certificate[] = [first, second, third].map(({ certificate }) => certificate)

/** A time-stamp over a hash tree of one object and `others`. */
function stampOf(q: {
  covered: Buffer
  by: typeof first
  year: number
  digest: DigestName
  others?: number
}) {
  const others = Array.from({ length: q.others ?? 0 }, (_, i) => objectHash(Buffer.of(i), q.digest))
  const tree = buildHashTree([...others, q.covered], q.digest)
  return { digest: q.digest, lists: tree.reduced.at(-1)!, token: q.by.stamp(tree.root, q.year, q.digest) }
}
const fresh = (o: { digest?: DigestName; others?: number; year?: number } = {}): Buffer => {
  const { digest = 'SHA-256', year = 2027, others = 0 } = o
  return newEvidenceRecord(stampOf({ covered: objectHash(DATA, digest), by: first, year, digest, others }))
}
const renewed = (record: Buffer, year: number, by = second, others = 0): Buffer => {
  const digest = 'SHA-256'
  const covered = renewedStampHash(readEvidenceRecord(record), digest)
  return renewTimeStamp(record, stampOf({ covered, by, year, digest, others }))
}
const rehashed = (record: Buffer, year: number, by = third, others = 0): Buffer => {
  const digest = 'SHA-512'
  const covered = renewedTreeHash(readEvidenceRecord(record).chains, DATA, digest)
  return renewHashTree(record, stampOf({ covered, by, year, digest, others }))
}
const judge = (record: Buffer, more: Partial<Parameters<typeof verifyEvidenceRecord>[0]> = {}) =>
  verifyEvidenceRecord({ record, data: DATA, tsaCertificates, ...more })
const refusal = (act: () => unknown): string => {
  try {
    act()
    return 'accepted'
  } catch (thrown) {
    const { code, what } = asFault(thrown)
    return `${code}: ${what}`
  }
}

t.test('existence is proved since the first time-stamp, for as long as the last one counts', async (t) => {
  for (const others of [0, 1, 2, 6]) {
    const proof = judge(fresh({ others }))
    t.same([proof.since, proof.end], [at(2027), { time: at(2032).getTime(), cause: 'certificate' }])
    const once = renewed(fresh({ others }), 2031, second, others)
    t.same([judge(once).since, judge(once).end.time], [at(2027), at(2035).getTime()])
    const twice = rehashed(once, 2035, third, others)
    t.match(judge(twice), {
      since: at(2027),
      stamps: [{ digest: 'SHA-256' }, { time: at(2031) }, { time: at(2035), digest: 'SHA-512' }],
      end: { time: Date.parse('2035-12-31T23:59:59.999Z'), cause: 'algorithm' },
    })
    const ends = { ...ALGORITHM_ENDS, 'P-256': '2060-12-31' }
    t.equal(judge(twice, { ends }).end.time, at(2049).getTime())
  }
})

t.test('a gap in the chain proves nothing', async (t) => {
  const late = renewed(fresh(), 2034, third)
  t.match(
    refusal(() => judge(late)),
    /evidence_record_invalid: it was not renewed in time/,
  )
  const weak = { ...ALGORITHM_ENDS, 'SHA-256': '2030-06-30' }
  t.match(
    refusal(() => judge(renewed(fresh(), 2031), { ends: weak })),
    /not renewed in time/,
    'the digest fell before',
  )
  t.equal(
    judge(rehashed(fresh(), 2030, second), { ends: weak }).end.cause,
    'algorithm',
    'renewed before it fell',
  )
  t.match(
    refusal(() => judge(renewed(fresh({ year: 2031 }), 2030))),
    /not in order/,
  )
  t.match(
    refusal(() => judge(fresh(), { tsaCertificates: [second.certificate] })),
    /not in the configuration/,
  )
  t.match(
    refusal(() => judge(fresh({ others: 3 }), { data: Buffer.from('another') })),
    /without the hash/,
  )
  t.match(
    refusal(() => judge(fresh(), { data: Buffer.from('another') })),
    /over something else/,
  )
  const other = renewedTreeHash(readEvidenceRecord(fresh({ year: 2028 })).chains, DATA, 'SHA-512')
  const mixed = renewHashTree(fresh(), stampOf({ covered: other, by: third, year: 2035, digest: 'SHA-512' }))
  t.match(
    refusal(() => judge(mixed)),
    /over something else/,
    'a chain renewed over other chains',
  )
})

t.test('trees: a root that others compute the same, and every leaf leads to it', async (t) => {
  const [one, two, ...group] = ['H1', 'H2', 'H3A', 'H3B', 'H3C'].map((name) =>
    hash('sha256', `This is ${name}`, 'buffer'),
  )
  const three = hash('sha256', Buffer.concat(group.sort(Buffer.compare)), 'buffer')
  // The request of ERSTest.testBasicBuild in Bouncy Castle.
  const root = '98fbf91c1aebdfec514d4a76532ec95f27ebcf4c8b6f7e2947afcbbfe7084cd4'
  t.equal(buildHashTree([one!, three, two!], 'SHA-256').root.toString('hex'), root)
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(), { minLength: 1, maxLength: 40 }), (numbers) => {
      const leaves = numbers.map((number) => hash('sha512', String(number), 'buffer'))
      const tree = buildHashTree(leaves, 'SHA-512')
      return leaves.every(
        (leaf, i) =>
          rootOf(leaf, tree.reduced[i]!, 'SHA-512')?.equals(tree.root) &&
          (leaves.length === 1 ||
            rootOf(hash('sha512', 'stranger', 'buffer'), tree.reduced[i]!, 'SHA-512') === undefined),
      )
    }),
  )
})

t.test('hostile records', async (t) => {
  const good = rehashed(renewed(fresh({ others: 2 }), 2031), 2035)
  for (let length = 0; length < good.length; length += 7)
    t.match(
      refusal(() => judge(good.subarray(0, length))),
      /malformed_evidence_record/,
    )
  // No signature covers the certificates in the last token, and digests that nothing uses.
  for (let place = 0; place < good.length; place++) {
    const changed = Buffer.from(good)
    changed[place]! ^= 1 << (place % 8)
    const said = refusal(() => judge(changed))
    if (said === 'accepted') t.same(judge(changed), judge(good))
    else t.match(said, /^(malformed_evidence_record|evidence_record_invalid): /)
  }
  const seq = der.sequence
  const digests = seq(writeDigest('SHA-256'))
  const [chain] = readEvidenceRecord(fresh()).chains
  const token = readEvidenceRecord(fresh()).chains[0]!.stamps[0]!.token
  const hash32 = der.octetString(createHash('sha256').digest())
  const tree = (...lists: Buffer[]) =>
    seq(der.integer(1), digests, seq(seq(seq(der.implicit(2, seq(...lists)), token))))
  const cases: [string, Buffer, RegExp][] = [
    ['version 2', seq(der.integer(2), digests, seq(chain!.raw)), /version/],
    ['no digest', seq(der.integer(1), seq(), seq(chain!.raw)), /none or too many/],
    ['no chain', seq(der.integer(1), digests, seq()), /none or too many/],
    ['an empty chain', seq(der.integer(1), digests, seq(seq())), /none or too many/],
    ['encrypted', seq(der.integer(1), digests, der.implicit(1, seq()), seq(chain!.raw)), /encrypted/],
    ['more', seq(der.integer(1), digests, seq(chain!.raw), der.null()), /fields after/],
    [
      '33 chains',
      seq(der.integer(1), digests, seq(...Array<Buffer>(33).fill(chain!.raw))),
      /none or too many/,
    ],
    [
      'an undeclared digest',
      seq(der.integer(1), seq(writeDigest('SHA-512')), seq(chain!.raw)),
      /not declared/,
    ],
    ['an empty tree', tree(), /none or too many/],
    ['an empty list', tree(seq()), /none or too many/],
    ['65 lists', tree(...Array<Buffer>(65).fill(seq(hash32))), /none or too many/],
    ['1025 hashes', tree(seq(...Array<Buffer>(1025).fill(hash32))), /none or too many/],
    [
      'a token that is none',
      seq(der.integer(1), digests, seq(seq(seq(seq())))),
      /malformed_evidence_record: a time-stamp/,
    ],
    ['SHA-1', fresh({ digest: 'SHA-1' }), /too weak/],
    ['too long', Buffer.alloc(1024 * 1024 + 1), /too long/],
    ['nothing', Buffer.alloc(0), /malformed_evidence_record/],
  ]
  for (const [name, bytes, reason] of cases)
    t.match(
      refusal(() => judge(bytes)),
      reason,
      name,
    )
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) =>
      /^malformed_evidence_record/.test(refusal(() => judge(Buffer.from(bytes)))),
    ),
  )
})

t.test('public tools read it: openssl the structure and each time-stamp', async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'concordat-er-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const file = (name: string, bytes: Buffer | string): string => {
    writeFileSync(path.join(folder, name), bytes)
    return path.join(folder, name)
  }
  const openssl = (...words: string[]) => spawnSync('openssl', words, { encoding: 'utf8' })
  const record = rehashed(renewed(fresh(), 2031), 2035)
  const parsed = openssl('asn1parse', '-inform', 'DER', '-in', file('record.der', record))
  t.equal(parsed.status, 0, parsed.stderr)
  t.equal(parsed.stdout.match(/pkcs7-signedData/g)?.length, 3)
  t.ok(parseDer(record))
  const { chains } = readEvidenceRecord(record)
  const covered = [DATA, chains[0]!.stamps[0]!.token]
  for (const [i, data] of covered.entries()) {
    const certificate = tsaCertificates[i]!
    const pem = file(
      'tsa.pem',
      `-----BEGIN CERTIFICATE-----\n${certificate.der.toString('base64')}\n-----END CERTIFICATE-----\n`,
    )
    const said = openssl(
      ...[
        'ts',
        '-verify',
        '-token_in',
        '-in',
        file('token', chains[0]!.stamps[i]!.token),
        '-data',
        file('data', data),
      ],
      ...['-CAfile', pem, '-partial_chain', '-attime', String(at(2031).getTime() / 1000)],
    )
    t.match(said.stdout + said.stderr, /Verification: OK/)
  }
})
