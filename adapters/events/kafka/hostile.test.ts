/**
 * What no broker and no publisher should send: lengths, answers, batches and proofs that are made to break a
 * reader.
 */
import fc from 'fast-check'
import t from 'tap'
import { createLog } from '#platform/logging/create-log.ts'
import { fake, frame, idOf, VERSIONS } from './broker-fixture.ts'
import { openCluster } from './cluster.ts'
import { openConnection } from './connection.ts'
import { crc32c } from './crc32c.ts'
import { createFrames } from './frames.ts'
import { readKafkaHeaders, writeKafkaHeaders } from './headers.ts'
import { rawBatch, rawRecord } from './kafka-fixture.ts'
import { keyText } from './key-text.ts'
import { inflateLz4 } from './lz4.ts'
import { murmur2 } from './murmur2.ts'
import { createProgress } from './progress.ts'
import { type Found, readFetched } from './read-batch.ts'
import { batchesOf } from './records.ts'
import { METADATA } from './requests.ts'
import { inflateSnappy } from './snappy.ts'
import { createReader, createWriter } from './wire.ts'

const IDENTITY = { name: 'test', user: undefined, mechanism: 'scram-sha-256' } as const

t.test('answers that are none', async (t) => {
  for (const [name, answer, said] of [
    ['a huge length', Buffer.from([0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 2]), /larger \(2147483647/],
    ['a negative length', Buffer.from([0xff, 0xff, 0xff, 0xfb, 0, 0, 0, 2, 0, 0, 0, 0]), /no length/],
    ['no length', Buffer.from([0, 0, 0, 0]), /no length/],
    ['of another request', frame(7, Buffer.alloc(20)), /another request/],
    [
      'a list without end',
      frame(2, Buffer.from([0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f])),
      /list is longer/,
    ],
    ['a text without end', frame(2, Buffer.from([0, 0, 0, 0, 0, 2, 0, 0, 0, 1, 0xff, 0x7f])), /end before/],
    ['its head alone', frame(2, Buffer.alloc(0)), /end before/],
    [
      'one more',
      Buffer.concat([frame(2, Buffer.from([0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0])), frame(3, VERSIONS)]),
      /larger .* than is taken \(0\)/,
    ],
  ] as const) {
    const at = await fake(t, (request, socket, nth) =>
      socket.write(nth === 0 ? frame(idOf(request), VERSIONS) : answer),
    )
    const connection = await openConnection({ ...at, broker: IDENTITY })
    await connection.ask(METADATA, []).catch((thrown: Error) => t.match(thrown.message, said, name))
    t.match(await connection.ended, said, name)
  }
  const old = await fake(t, (request, socket) =>
    socket.write(frame(idOf(request), Buffer.from([0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 11]))),
  )
  await t.rejects(openConnection({ ...old, broker: IDENTITY }), /from 3.1 on/)
  const closing = await fake(t, (_, socket) => socket.destroy())
  await t.rejects(openConnection({ ...closing, broker: IDENTITY }), /interrupted|ECONNRESET/)
})

t.test('a broker that announces an address off this machine', async (t) => {
  const log = createLog({ name: 'test', level: 'error' })
  const urls = ['kafka://127.0.0.1:9']
  const broker = { ...IDENTITY, kind: 'kafka', urls, ackWaitSeconds: 2, confirmMs: 1000 } as const
  const cluster = openCluster({ broker: { ...broker, urls }, credentials: { tls: {} }, log })
  await t.rejects(cluster.connect({ host: '10.0.0.1', port: 9092 }), /no TLS/)
  await t.rejects(cluster.topic('x'), /Kafka/)
  await cluster.close()
})

t.test('SCRAM: brokers that do not know the password', async (t) => {
  const answers = async (first: (nonce: string) => string): Promise<void> => {
    const at = await fake(t, (request, socket, nth) => {
      const id = idOf(request)
      if (nth === 0) return socket.write(frame(id, VERSIONS))
      if (nth === 1) return socket.write(frame(id, Buffer.from([0, 0, 0, 0, 0, 0])))
      const nonce =
        /r=([^,]+)/.exec(request.toString('latin1'))?.[1]?.replace(/[^A-Za-z0-9+/=].*$/s, '') ?? ''
      const w = createWriter()
      w.tags()
      w.int16(0)
      w.text(undefined)
      w.text(nth === 2 ? first(nonce) : `v=${Buffer.alloc(32).toString('base64')}`)
      w.int64(0)
      w.tags()
      return socket.write(frame(id, w.done()))
    })
    await openConnection({
      ...{ ...at, broker: { ...IDENTITY, user: 'u' } },
      credentials: { tls: {}, password: 'a secret' },
    })
  }
  const salt = 's=c2FsdA=='
  await t.rejects(
    answers((nonce) => `r=${nonce}x,${salt},i=4096`),
    /does not know the password/,
  )
  await t.rejects(
    answers((nonce) => `r=${nonce}x,${salt},i=1000000000`),
    /no broker should/,
  )
  await t.rejects(
    answers((nonce) => `r=${nonce}x,${salt},i=1`),
    /no broker should/,
  )
  await t.rejects(
    answers((nonce) => `r=${nonce},${salt},i=4096`),
    /no broker should/,
  )
  await t.rejects(
    answers(() => `r=other,${salt},i=4096`),
    /no broker should/,
  )
  await t.rejects(
    answers((nonce) => `r=${nonce}x,s=,i=4096`),
    /no broker should/,
  )
  await t.rejects(
    answers(() => ''),
    /no broker should/,
  )
})

const foundIn = async (records: Buffer, aborted: { producer: number; first: number }[] = []) => {
  const all: Found[] = []
  for await (const one of readFetched({ records, aborted }, 10_000)) all.push(one)
  return all.map((one) =>
    one.kind === 'record'
      ? `${one.record.offset}:${one.record.value}`
      : one.kind === 'end'
        ? `end ${one.offset}`
        : one.fault.code,
  )
}

t.test('batches', async (t) => {
  const record = (value: string, delta = 0): Buffer => rawRecord(Buffer.from(value), { delta })
  const two = rawBatch({ payload: Buffer.concat([record('a'), record('b', 1)]), count: 2, first: 5 })
  t.strictSame(await foundIn(two), ['5:a', '6:b', 'end 7'])
  t.strictSame(await foundIn(Buffer.concat([two, two.subarray(0, 70)])), ['5:a', '6:b', 'end 7'], 'cut off')
  const wrong = Buffer.from(two)
  wrong[wrong.length - 1]! ^= 1
  await t.rejects(foundIn(wrong), /another checksum/)
  await t.rejects(foundIn(Buffer.alloc(80)), /no length/)
  const old = Buffer.from(two)
  old[16] = 1
  t.strictSame(await foundIn(old), ['invalid_event', 'end 6'], 'of an older format')
  t.strictSame(await foundIn(rawBatch({ payload: record('a'), count: 1_000_000_000 })), [
    ...['0:a', 'invalid_event', 'end 1000000000'],
  ])
  t.strictSame(await foundIn(rawBatch({ payload: record('a', 9) })), ['invalid_event', 'end 1'])
  for (const count of [-1, 0, 1])
    t.match(
      (await foundIn(rawBatch({ payload: Buffer.concat([record('a'), record('b', 1)]), count }))).at(-2),
      'invalid_event',
      `two records that are said to be ${count}`,
    )
  t.strictSame(await foundIn(rawBatch({ payload: Buffer.alloc(0), count: 0, first: 8 })), ['end 9'])
  for (const attributes of [1, 2, 3, 4, 5, 6, 7])
    t.strictSame(await foundIn(rawBatch({ payload: record('a'), attributes })), ['invalid_event', 'end 1'])
})

t.test('transactions', async (t) => {
  const TRANSACTIONAL = 0x10
  const batch = (first: number, value: string, producer: number): Buffer =>
    rawBatch({ first, payload: rawRecord(Buffer.from(value)), producer, attributes: TRANSACTIONAL })
  const marker = (first: number, producer: number, kind: number): Buffer => {
    const payload = rawRecord(Buffer.alloc(6), { key: Buffer.from([0, 0, 0, kind]) })
    return rawBatch({ first, payload, producer, attributes: TRANSACTIONAL | 0x20 })
  }
  const [ABORT, COMMIT] = [0, 1]
  const records = Buffer.concat([
    ...[batch(0, 'aborted', 1), batch(1, 'kept', 2), marker(2, 1, ABORT), marker(3, 2, COMMIT)],
    ...[batch(4, 'kept', 1), marker(5, 1, COMMIT), batch(6, 'aborted', 2), marker(7, 2, ABORT)],
  ])
  const aborted = [
    { producer: 2, first: 6 },
    { producer: 1, first: 0 },
  ]
  const kept = (await foundIn(records, aborted)).filter((one) => !one.startsWith('end'))
  t.strictSame(kept, ['1:kept', '4:kept'])
})

t.test('what repeats itself is bounded', async (t) => {
  const number = (value: number): Buffer => {
    const w = createWriter()
    w.unsigned(value)
    return w.done()
  }
  // A literal, then copies of 64.
  const snappy = Buffer.concat([
    ...[number(1000), Buffer.from([0, 0x61])],
    ...Array.from({ length: 20 }, () => Buffer.from([(63 << 2) | 2, 1, 0])),
  ])
  t.equal(inflateSnappy(snappy, 2000).toString(), 'a'.repeat(1 + 20 * 64))
  t.throws(() => inflateSnappy(snappy, 1000), RangeError)
  t.throws(() => inflateSnappy(Buffer.from([1, 0x02, 9, 0]), 1000), /not there/)
  const block = Buffer.from([0x1f, 0x61, 1, 0, ...Array.from({ length: 100 }, () => 255), 0, 0])
  const size = Buffer.alloc(4)
  size.writeUInt32LE(block.length)
  const lz4 = Buffer.concat([
    Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x40, 0x40, 0]),
    size,
    block,
    Buffer.alloc(4),
  ])
  t.equal(inflateLz4(lz4, 30_000).length, 1 + 15 + 4 + 25_500)
  t.throws(() => inflateLz4(lz4, 20_000), RangeError)
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 300 }),
      fc.constantFrom(inflateLz4, inflateSnappy),
      (bytes, inflate) => {
        try {
          return inflate(Buffer.from(bytes), 5000).length <= 5000
        } catch (thrown) {
          return thrown instanceof Error
        }
      },
    ),
  )
})

t.test('any bytes', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), fc.nat(7), async (bytes, attributes) => {
      const answers = await Promise.all([
        foundIn(rawBatch({ payload: Buffer.from(bytes), attributes })).then(
          (found) => found.at(-1) === 'end 1',
        ),
        Promise.resolve()
          .then(() => [...batchesOf(Buffer.from(bytes))])
          .catch((thrown) => thrown instanceof Error),
        Promise.resolve()
          .then(() => METADATA.read(createReader(Buffer.from(bytes))))
          .catch((thrown) => thrown instanceof Error),
      ])
      return answers.every(Boolean)
    }),
  )
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.integer({ min: 1, max: 20 }), (bytes, size) => {
      const body = Buffer.from(bytes)
      const seen: Buffer[] = []
      const frames = createFrames(
        () => 200,
        (one) => seen.push(one),
      )
      const stream = Buffer.concat([frame(1, body), frame(2, body)])
      for (let at = 0; at < stream.length; at += size) frames(stream.subarray(at, at + size))
      return seen.length === 2 && seen.every((one) => one.subarray(4).equals(body))
    }),
  )
  fc.assert(
    fc.property(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), (value) => {
      const w = createWriter()
      w.signed(value)
      return createReader(w.done()).signed() === value
    }),
  )
})

t.test('keys of other octets are other texts', (t) => {
  t.equal(keyText(Buffer.from('Ä 1')), 'Ä 1')
  t.equal(keyText(Buffer.from([0x00, 0xff])), 'hex:00ff')
  t.equal(keyText(Buffer.from('00ff')), '00ff')
  t.not(keyText(Buffer.from('hex:00ff')), 'hex:00ff')
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 6 }), (octets) => {
      const text = keyText(Buffer.from(octets))
      const back = text.startsWith('hex:') ? Buffer.from(text.slice(4), 'hex') : Buffer.from(text)
      return back.equals(octets)
    }),
  )
  t.end()
})

t.test('sums, headers, places', async (t) => {
  t.equal(crc32c(Buffer.from('123456789')), 0xe3069283)
  // The vectors of Kafka's own test.
  for (const [text, hash] of [
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ] as const)
    t.equal(murmur2(Buffer.from(text)), hash)
  const header = (name: string, value: string | Buffer): [Buffer, Buffer] => [
    Buffer.from(name),
    Buffer.from(value),
  ]
  const read = readKafkaHeaders({
    headers: [header('CE_Subject', 'Mägi "%'), header('X', 'a'), header('x', 'b')],
  })
  t.strictSame(read.headers, [['ce-subject', 'M%C3%A4gi%20%22%25']])
  t.equal(read.properties.get('x'), 'a')
  for (const found of [
    { headers: [header('ce_id', Buffer.from([0xff]))] },
    { headers: [header('x', 'x'.repeat(200_000))] },
    { headers: [], isCrowded: true },
  ])
    t.match(readKafkaHeaders(found), { headers: [], fault: { code: 'invalid_event' } })
  t.strictSame(
    writeKafkaHeaders({
      headers: [
        ['ce-subject', 'M%C3%A4gi'],
        ['Content-Type', 'a/b'],
      ],
      properties: [['X', '1']],
    }).map(([name, value]) => [name.toString(), value.toString()]),
    [
      ['ce_subject', 'Mägi'],
      ['content-type', 'a/b'],
      ['X', '1'],
    ],
  )
  const progress = createProgress(3, 3)
  t.equal(progress.toCommit(), undefined)
  const [third, fourth, seventh] = [3, 4, 7].map((offset) => progress.give(offset))
  fourth!()
  t.equal(progress.toCommit(), undefined, 'not past the one that is out')
  third!()
  t.equal(progress.toCommit(), 7)
  seventh!()
  progress.passTo(10)
  t.equal(progress.toCommit(), 10)
  const lost = progress.give(10)
  progress.beginAt(9)
  for (const offset of [9, 10]) progress.give(offset)
  lost()
  progress.passTo(20)
  t.equal(progress.toCommit(), 9)
  progress.beginAt(10)
  progress.give(10)
  lost()
  t.equal(progress.toCommit(), 10, 'what a lost message had is no confirmation of the one in its place')
})
