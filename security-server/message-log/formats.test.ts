/** What is stored and what crosses to the worker comes back as it was; what nobody would write is refused. */
import { randomBytes } from 'node:crypto'
import { chmodSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { commit } from '#core/merkle/leaf-form.ts'
import { decodeBodyFile, decodeContent, encodeBodyFile, encodeContent, type Sections } from './content.ts'
import { applyDelta, encodeDelta } from './document-delta.ts'
import { logFolder } from './fixture.ts'
import { fieldsOf, packedSize, packGroup, unpackGroup } from './group-format.ts'
import { addLogKey, createLogKeys, hasNoKeys, readLogKeys } from './keys/log-keys.ts'
import { committer } from './records/commitments.ts'
import { createNonces } from './records/prepare-record.ts'
import { openContent, sealContent, unwrapRecordKey, wrapRecordKey } from './seal.ts'
import { createReplayWindow } from './sqlite/replay-window.ts'
import { decodeEvidence, encodeEvidence } from './time-stamps/stamp-record.ts'

const bytes = (maxLength = 200) => fc.uint8Array({ maxLength }).map((octets) => Buffer.from(octets))
const INCONSISTENT = { code: 'log_inconsistent' }

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
      const back = decodeContent(encodeContent(given))
      return given.every((section, type) =>
        section === undefined ? back[type] === undefined : back[type]!.equals(section),
      )
    }),
  )
  const valid = encodeContent([undefined, Buffer.from('{}'), Buffer.from('message')])
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
    ['an unknown section', [1, 1, 0, 0, 0, 0, 9, 0, 0, 0, 0]],
    ['a length beyond the end', [1, 1, 255, 255, 255, 255]],
    ['trailing octets', [1, 1, 0, 0, 0, 0, 0]],
  ]
  for (const [what, octets] of hostile) t.throws(() => decodeContent(Buffer.from(octets)), INCONSISTENT, what)
  const reference = { dataKey: randomBytes(32), size: 2 ** 40, name: 'ab'.repeat(16) }
  t.same(decodeBodyFile(encodeBodyFile(reference)), reference)
  for (const size of [0, 40, 301]) t.throws(() => decodeBodyFile(Buffer.alloc(size, 255)), INCONSISTENT)
  t.end()
})

t.test('sealed content and wrapped keys', (t) => {
  const logKey = { id: randomBytes(8), key: randomBytes(32) }
  const secret = randomBytes(64)
  const wrapped = wrapRecordKey(logKey, createNonces()(), secret)
  const { dataKey, salt } = unwrapRecordKey(logKey.key, wrapped)
  t.ok(Buffer.concat([dataKey, salt]).equals(secret))
  const sealed = sealContent(dataKey, Buffer.from('text'))
  t.equal(openContent(dataKey, sealed).toString(), 'text')
  for (const wrong of [sealed.subarray(0, 10), Buffer.concat([sealed, Buffer.of(0)]), Buffer.alloc(0)]) {
    t.throws(() => openContent(dataKey, wrong), INCONSISTENT)
  }
  t.throws(() => openContent(randomBytes(32), sealed), INCONSISTENT)
  t.throws(() => unwrapRecordKey(randomBytes(32), wrapped), INCONSISTENT)
  const next = createNonces()
  t.equal(new Set(Array.from({ length: 1000 }, () => next().toString('hex'))).size, 1000)
  t.end()
})

t.test('commitments of the hot path are those of the format', (t) => {
  for (let n = 0; n < 100; n++) {
    const [salt, digest] = [randomBytes(32), randomBytes(64)]
    const commitment = committer(salt)
    for (const label of ['parties', 'message', 'body', 'message'] as const) {
      if (commitment(label, digest.toString('latin1')) !== commit(label, salt, digest).toString('base64'))
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
  })
  fc.assert(
    fc.property(fc.array(record, { minLength: 1, maxLength: 20 }), (records) => {
      let shared: Buffer | undefined
      const group = records.map(({ signatures, shares, ...rest }) => {
        const document = shares ? (shared ?? signatures) : signatures
        shared ??= document
        return { ...rest, signature: document === undefined ? undefined : { signatures: document } }
      })
      const fields = group.map((parts, n) => fieldsOf(head, `{"id":"${n}"}`, parts))
      const target = Buffer.alloc(fields.reduce((size, each) => size + packedSize(each), 0))
      packGroup(target, fields)
      return unpackGroup(target, group.length).every((back, n) => {
        const { message, replayKey, signature } = group[n]!
        const same = (a?: Buffer, b?: Buffer) => (a === undefined ? b === undefined : b?.equals(a) === true)
        return (
          same(message, back.message) &&
          same(replayKey, back.replayKey) &&
          same(signature?.signatures, back.signatures) &&
          back.metadata.toString() === `{"id":"${n}"}` &&
          back.head.kind === 'request'
        )
      })
    }),
  )
  t.end()
})

t.test('the replay window', (t) => {
  const window = createReplayWindow(1000)
  const keys = Array.from({ length: 5000 }, () => randomBytes(16))
  for (const [n, key] of keys.entries()) {
    if (window.has(key)) t.fail('a key nobody added')
    window.add(key, n / 10)
  }
  t.ok(keys.every((key) => window.has(key)))
  window.remove(keys[7]!)
  t.notOk(window.has(keys[7]!))
  t.ok(window.has(keys[8]!))
  for (let time = 1000; time <= 4000; time += 100) window.add(randomBytes(16), time)
  t.ok(window.has(keys[8]!), 'until it is told')
  window.forget(900)
  t.ok(window.has(keys[8]!), 'a key of its generation may be needed')
  const late = randomBytes(16)
  window.add(late, 4100)
  window.forget(1000)
  t.notOk(window.has(keys[8]!), 'forgotten')
  window.forget(9000)
  t.ok(window.has(late), 'the newest generation stays')
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
  t.ok(hasNoKeys(folder))
  createLogKeys(folder)
  const first = readLogKeys(folder).current
  addLogKey(folder)
  const keys = readLogKeys(folder)
  t.notOk(keys.current.id.equals(first.id))
  t.ok(keys.byId.get(first.id.toString('hex'))?.key.equals(first.key))
  const file = path.join(folder, `000002-${keys.current.id.toString('hex')}.key`)
  chmodSync(file, 0o640)
  t.throws(() => readLogKeys(folder), { code: 'invalid_configuration' }, 'readable by others')
  chmodSync(file, 0o600)
  writeFileSync(file, `${'00'.repeat(32)}\n`)
  t.throws(() => readLogKeys(folder), { code: 'invalid_configuration' }, 'another key under the same id')
  t.throws(() => readLogKeys('/nowhere'), { code: 'invalid_configuration' })
  t.end()
})
