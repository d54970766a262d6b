/** Stored and transferred values come back unchanged; bytes that we would not write are refused. */
import { createHmac, hash, randomBytes } from 'node:crypto'
import { chmodSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { encodeEvidence } from '#core/evidence-bundle/stamp-batch.ts'
import { leafHash } from '#core/merkle/hash.ts'
import { commit } from '#core/merkle/leaf-form.ts'
import { logFolder } from '../fixture.ts'
import { addLogKey, createLogKeys, lacksLogKeys, readLogKeys } from '../keys/log-keys.ts'
import { commitment } from '../records/commitments.ts'
import { createPreparer } from '../records/prepare-record.ts'
import { createRecentRecords } from '../records/recent-records.ts'
import { decodeEvidence } from '../time-stamps/stamp-record.ts'
import {
  contentSize,
  decodeBodyFile,
  decodeContent,
  encodeBodyFile,
  encodeContent,
  SECTION,
  type Sections,
} from './content.ts'
import { applyDelta, encodeDelta } from './document-delta.ts'
import { fieldsOf, packedSize, packGroup, unpackGroup } from './group-format.ts'
import { ownRecord } from './own-record.ts'
import {
  createKeyDeriver,
  deriveRecordKey,
  logKeyIdOf,
  openContent,
  SEALED_EXTRA,
  sealContent,
} from './seal.ts'

const bytes = (maxLength = 200) => fc.uint8Array({ maxLength }).map((octets) => Buffer.from(octets))
const INCONSISTENT = { code: 'log_inconsistent' }
const METADATA = { id: 'id', requestId: 'request', node: 'node1' }

const encode = (sections: Sections): Buffer => encodeContent(sections, Buffer.alloc(contentSize(sections)))

function throws(act: () => unknown): boolean {
  try {
    act()
    return false
  } catch {
    return true
  }
}

t.test('content', (t) => {
  const sections = fc
    .array(fc.option(bytes(), { nil: undefined }), { minLength: 8, maxLength: 8 })
    .map((rest): Sections => [undefined, rest[0] ?? Buffer.from('{}'), ...rest.slice(1)])
  fc.assert(
    fc.property(sections, (given) => {
      const back = decodeContent(encode(given))
      return given.every((section, type) =>
        section === undefined ? back[type] === undefined : back[type]!.equals(section),
      )
    }),
  )
  const valid = encode([undefined, Buffer.from('{}'), Buffer.from('message')])
  for (let length = 0; length < valid.length; length++) {
    const isWhole = length === valid.length - 'message'.length - 5
    t.equal(
      throws(() => decodeContent(valid.subarray(0, length))),
      !isWhole,
      `cut to ${length}`,
    )
  }
  const hostile: [string, number[]][] = [
    ['another version', [2, 1, 0, 0, 0, 0]],
    ['no metadata', [1, 2, 0, 0, 0, 0]],
    ['a section twice', [1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0]],
    ['sections out of order', [1, 2, 0, 0, 0, 0, 1, 0, 0, 0, 0]],
    ['an unknown section', [1, 1, 0, 0, 0, 0, 11, 0, 0, 0, 0]],
    ['a length beyond the end', [1, 1, 255, 255, 255, 255]],
    ['trailing octets', [1, 1, 0, 0, 0, 0, 0]],
  ]
  for (const [what, octets] of hostile) t.throws(() => decodeContent(Buffer.from(octets)), INCONSISTENT, what)
  const reference = { dataKey: randomBytes(32), size: 2 ** 40, name: 'ab'.repeat(16) }
  t.same(decodeBodyFile(encodeBodyFile(reference)), reference)
  for (const size of [0, 40, 301]) t.throws(() => decodeBodyFile(Buffer.alloc(size, 255)), INCONSISTENT)
  t.end()
})

t.test('sealed content and derived keys', (t) => {
  const logKey = { id: randomBytes(8), key: randomBytes(32) }
  const stored = Buffer.concat([logKey.id, randomBytes(32)])
  const { dataKey, salt } = deriveRecordKey(logKey.key, stored)
  const expected = createHmac('sha512', logKey.key)
    .update('concordat record key 1')
    .update(stored.subarray(8))
    .digest()
  t.ok(Buffer.concat([dataKey, salt]).equals(expected), 'as the format says')
  const derive = createKeyDeriver(logKey.key)
  const target = Buffer.alloc(64)
  for (const seed of [randomBytes(32), stored.subarray(8)]) derive(seed, target)
  t.ok(target.equals(expected), 'nothing is left of the seed before')
  t.ok(logKeyIdOf(stored).equals(logKey.id))
  for (const wrong of [stored.subarray(1), Buffer.concat([stored, Buffer.of(0)]), Buffer.alloc(0)]) {
    t.throws(() => logKeyIdOf(wrong), INCONSISTENT)
  }
  const sealed = Buffer.alloc(4 + SEALED_EXTRA)
  sealContent(dataKey, Buffer.from('text'), sealed)
  t.equal(openContent(dataKey, sealed).toString(), 'text')
  for (const wrong of [sealed.subarray(0, 10), Buffer.concat([sealed, Buffer.of(0)]), Buffer.alloc(0)]) {
    t.throws(() => openContent(dataKey, wrong), INCONSISTENT)
  }
  t.throws(() => openContent(randomBytes(32), sealed), INCONSISTENT)
  const other = deriveRecordKey(randomBytes(32), stored)
  t.throws(() => openContent(other.dataKey, sealed), INCONSISTENT, 'another log key')
  t.end()
})

t.test('a group is prepared in memory that the group before has used', (t) => {
  const prepare = createPreparer()
  const logKey = { id: randomBytes(8), key: randomBytes(32) }
  const seeds = new Set<string>()
  for (let round = 0; round < 40; round++) {
    const records = Array.from({ length: 1 + (round % 9) }, (_, i) => {
      const message = randomBytes(round === 20 ? 200_000 : 1 + 500 * i)
      const packed = ownRecord({ kind: 'request', time: 1, logLevel: 'full', message, metadata: METADATA })
      return { packed, answered: undefined }
    })
    for (const [i, { seed, content, form, leaf }] of prepare(records, logKey).entries()) {
      const { message } = records[i]!.packed
      const key = deriveRecordKey(logKey.key, seed)
      const sections = decodeContent(openContent(key.dataKey, content))
      t.ok(sections[SECTION.message]!.equals(message!))
      t.ok(leafHash(Buffer.from(form)).equals(leaf))
      const expected = commit('message', key.salt, hash('sha512', message!, 'buffer')).toString('base64')
      t.equal((JSON.parse(form) as { message: string }).message, expected)
      seeds.add(seed.toString('hex'))
    }
  }
  t.equal(
    seeds.size,
    Array.from({ length: 40 }, (_, i) => 1 + (i % 9)).reduce((a, b) => a + b),
    'no seed twice',
  )
  t.end()
})

t.test('recent records', (t) => {
  const recent = createRecentRecords(8, 1000)
  const record = (n: number, id = `${n}`) => ({
    head: {
      kind: 'reply',
      direction: 'in',
      time: n,
      outcome: 'a b\n"é',
      logLevel: 'full',
      contract: '',
    } as const,
    metadata: Buffer.from(JSON.stringify({ id, node: 'é' })),
    leaf: Buffer.alloc(32, n),
  })
  t.equal(recent.get(0), undefined)
  for (let n = 0; n < 20; n++) {
    recent.add(n, record(n))
    const { time, kind, direction, outcome, metadata } = recent.get(n)!
    t.same([time, kind, direction, outcome], [n, 'reply', 'in', 'a b\n"é'])
    t.same(metadata, { id: `${n}`, node: 'é' })
  }
  t.equal(recent.get(11), undefined, 'the oldest are overwritten')
  t.ok(recent.get(12))
  t.ok(
    recent
      .leaves(12, 8)!
      .equals(Buffer.concat(Array.from({ length: 8 }, (_, i) => Buffer.alloc(32, 12 + i)))),
  )
  t.equal(recent.leaves(11, 8), undefined)
  t.equal(recent.leaves(13, 8), undefined)
  recent.add(20, record(20, 'x'.repeat(900)))
  t.equal(recent.get(20)!.metadata.id, 'x'.repeat(900))
  t.equal(recent.get(19), undefined, 'large ones push out others')
  t.ok(recent.leaves(13, 8), 'whose leaves stay')
  recent.add(21, record(21, 'x'.repeat(1001)))
  t.equal(recent.get(21), undefined, 'too large a one is not kept')
  recent.add(22, record(22))
  t.equal(recent.get(22)!.metadata.id, '22')
  t.end()
})

t.test('commitments of the hot path are those of the format', (t) => {
  for (let n = 0; n < 100; n++) {
    const [salt, digest] = [randomBytes(32), randomBytes(64)]
    for (const label of ['parties', 'message', 'body', 'message'] as const) {
      if (
        commitment(salt, label, digest.toString('latin1')) !== commit(label, salt, digest).toString('base64')
      )
        t.fail(label)
    }
  }
  t.end()
})

t.test('differences of signature documents', (t) => {
  const edits = fc.array(fc.tuple(fc.nat(), bytes(80)), { maxLength: 12 })
  fc.assert(
    fc.property(bytes(3000), edits, (base, changes) => {
      const document = Buffer.from(base)
      for (const [at, change] of changes) if (document.length > 0) change.copy(document, at % document.length)
      const delta = encodeDelta(base, document)
      return (
        delta === undefined || (delta.length <= document.length && applyDelta(base, delta).equals(document))
      )
    }),
  )
  t.equal(encodeDelta(randomBytes(500), randomBytes(500)), undefined, 'nothing is saved')
  fc.assert(
    fc.property(bytes(60), (delta) => {
      const result = throws(() => applyDelta(Buffer.alloc(50), delta))
        ? undefined
        : applyDelta(Buffer.alloc(50), delta)
      return result === undefined || result.length === 50
    }),
  )
  for (const hex of ['00', '000000000001', '00000032000100', '0000000000020000000000010001aa']) {
    t.throws(() => applyDelta(Buffer.alloc(50), Buffer.from(hex, 'hex')), INCONSISTENT, hex)
  }
  t.end()
})

t.test('a group crosses as it was', (t) => {
  const head = {
    kind: 'request',
    direction: 'in',
    time: 1,
    outcome: '',
    logLevel: 'full',
    contract: '',
  } as const
  const record = fc.record({
    message: fc.option(bytes(), { nil: undefined }),
    replayKey: fc.option(bytes(), { nil: undefined }),
    signatures: fc.option(bytes(), { nil: undefined }),
    shares: fc.boolean(),
    copied: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(record, { minLength: 1, maxLength: 20 }), (records) => {
      let shared: Buffer | undefined
      const group = records.map(({ signatures, shares, copied, ...rest }) => {
        const chosen = shares ? (shared ?? signatures) : signatures
        shared ??= chosen
        // Documents from the wire have equal bytes but are not the same Buffer.
        const document = copied && chosen !== undefined ? Buffer.from(chosen) : chosen
        return { ...rest, signature: document === undefined ? undefined : { signatures: document } }
      })
      const fields = group.map((parts, n) => fieldsOf(head, `{"id":"${n}é€"}`, parts))
      const target = Buffer.alloc(fields.reduce((size, each) => size + packedSize(each), 0))
      if (packGroup(target, fields) > target.length) return false
      return unpackGroup(target, group.length).every((back, n) => {
        const { message, replayKey, signature } = group[n]!
        const same = (a?: Buffer, b?: Buffer) => (a === undefined ? b === undefined : b?.equals(a) === true)
        return (
          same(message, back.message) &&
          same(replayKey, back.replayKey) &&
          same(signature?.signatures, back.signatures) &&
          back.metadata.toString() === `{"id":"${n}é€"}` &&
          back.head.kind === 'request'
        )
      })
    }),
  )
  const [document, other] = [randomBytes(300), randomBytes(300)]
  const group = [document, other, Buffer.from(document)].map((signatures) =>
    fieldsOf(head, '{}', { signature: { signatures } }),
  )
  const target = Buffer.alloc(2000)
  packGroup(target, group)
  const [first, second, third] = unpackGroup(target, 3)
  t.equal(third!.signatures, first!.signatures, 'equal documents cross once')
  t.ok(second!.signatures!.equals(other))
  t.end()
})

t.test('evidence of a time-stamp', (t) => {
  const evidence = { certificates: [randomBytes(20), randomBytes(0)], ocspResponses: [randomBytes(5)] }
  t.same(decodeEvidence(encodeEvidence(evidence)), evidence)
  const encoded = encodeEvidence(evidence)
  for (const wrong of [encoded.subarray(0, -1), Buffer.of(3, 0, 0, 0, 0), Buffer.of(1)]) {
    t.throws(() => decodeEvidence(wrong), INCONSISTENT)
  }
  t.end()
})

t.test('log keys', (t) => {
  const folder = path.join(logFolder(t), 'keys')
  t.ok(lacksLogKeys(folder))
  addLogKey(folder)
  t.ok(lacksLogKeys(folder), 'a crash came before the second file')
  createLogKeys(folder)
  t.notOk(lacksLogKeys(folder))
  const first = readLogKeys(folder).current
  addLogKey(folder)
  const keys = readLogKeys(folder)
  t.notOk(keys.current.id.equals(first.id))
  t.ok(keys.byId.get(first.id.toString('hex'))?.key.equals(first.key))
  const file = path.join(folder, `000003-${keys.current.id.toString('hex')}.key`)
  chmodSync(file, 0o640)
  t.throws(() => readLogKeys(folder), { code: 'invalid_configuration' }, 'readable by others')
  chmodSync(file, 0o600)
  writeFileSync(file, `${'00'.repeat(32)}\n`)
  t.throws(() => readLogKeys(folder), { code: 'invalid_configuration' }, 'another key under the same id')
  t.throws(() => readLogKeys('/nowhere'), { code: 'invalid_configuration' })
  t.end()
})
