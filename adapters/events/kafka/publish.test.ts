/** What one partition's failure does to what is published to another one. */
import t from 'tap'
import { createLog } from '#platform/logging/create-log.ts'
import { until } from '#test/until.ts'
import { fake, frame, VERSIONS } from './broker-fixture.ts'
import { openCluster } from './cluster.ts'
import { createFrames } from './frames.ts'
import { createPublish } from './publish.ts'
import { createReader, createWriter } from './wire.ts'

const [PRODUCE, METADATA, API_VERSIONS, INIT_PRODUCER_ID] = [0, 3, 18, 22]
const [CORRUPT, OTHER_LEADER] = [2, 6]
/** Where they stand in a batch. */
const [PRODUCER_AT, SEQUENCE_AT] = [43, 53]

type Produced = { partition: number; by: string }

/**
 * A broker with a topic of two partitions, which counts producers and answers Produce with the error that
 * `answer` says.
 */
async function scripted(t: Parameters<typeof fake>[0], answer: (produced: Produced) => number) {
  let producers = 0
  const at = await fake(t, (bytes, socket) => {
    const split = createFrames(
      () => 1_000_000,
      (request) => socket.write(frame(request.readInt32BE(4), bodyFor(request))),
    )
    split(bytes)
  })
  const bodyFor = (request: Buffer): Buffer => {
    const r = createReader(request)
    const key = r.int16()
    if (key === API_VERSIONS) return VERSIONS
    const w = createWriter()
    w.tags()
    if (key === METADATA) writeMetadata(w)
    if (key === INIT_PRODUCER_ID) {
      w.int32(0)
      w.int16(0)
      w.int64(++producers)
      w.int16(0)
      w.tags()
    }
    if (key !== PRODUCE) return w.done()
    r.skip(6)
    r.oldText()
    r.tags()
    r.nullable()
    r.skip(6)
    const [[asked] = []] = r.list(() => {
      r.text()
      return r.list(() => ({ partition: r.int32(), batch: r.nullable()! }))
    })
    const { partition, batch } = asked!
    const by = `${batch.readBigInt64BE(PRODUCER_AT)} ${batch.readInt32BE(SEQUENCE_AT)}`
    w.list(['two'], (topic) => {
      w.text(topic)
      w.list([partition], (index) => {
        w.int32(index)
        w.int16(answer({ partition, by }))
        w.raw(Buffer.alloc(24))
        w.list([], () => undefined)
        w.text(undefined)
        w.tags()
      })
      w.tags()
    })
    w.int32(0)
    w.tags()
    return w.done()
  }
  const writeMetadata = (w: ReturnType<typeof createWriter>): void => {
    w.int32(0)
    w.list([at], ({ host, port }) => {
      w.int32(1)
      w.text(host)
      w.int32(port)
      w.text(undefined)
      w.tags()
    })
    w.text(undefined)
    w.int32(1)
    w.list(['two'], (topic) => {
      w.int16(0)
      w.text(topic)
      w.raw(Buffer.alloc(16, 1))
      w.int8(0)
      w.list([0, 1], (index) => {
        w.int16(0)
        w.int32(index)
        w.int32(1)
        w.int32(0)
        for (let i = 0; i < 3; i++) w.list([], () => undefined)
        w.tags()
      })
      w.int32(0)
      w.tags()
    })
    w.tags()
  }
  return at
}

t.test('a message that fails makes no repetition in another partition a new message', async (t) => {
  const seen: Produced[] = []
  let isFailed = false
  const of = (partition: number): Produced[] => seen.filter((one) => one.partition === partition)
  const at = await scripted(t, (produced) => {
    seen.push(produced)
    if (produced.partition === 1) return CORRUPT
    // As if its first answer had been lost: it is repeated until the other one has failed.
    return isFailed && of(0).length > 2 ? 0 : OTHER_LEADER
  })
  const log = createLog({ name: 'test', level: 'error' })
  const urls = [`kafka://${at.host}:${at.port}`]
  const identity = { name: 'test', user: undefined, mechanism: 'plain', kind: 'kafka' } as const
  const broker = { ...identity, urls, ackWaitSeconds: 2, confirmMs: 60_000 }
  const cluster = openCluster({ broker, credentials: { tls: {} }, log })
  t.teardown(cluster.close)
  await until('a connection', (saw) => saw(cluster.finding()).ok)
  const publish = createPublish({ cluster, broker, log, onReset: () => undefined })
  // Without a key the partitions take turns.
  const message = { to: 'two', headers: [], properties: [], body: Buffer.from('x'), id: 'x', key: undefined }
  const repeated = publish(message)
  await until('tried', (saw) => saw(of(0).length) > 0)
  await t.rejects(publish(message), { code: 'source_unavailable' })
  isFailed = true
  await repeated
  t.equal(new Set(of(0).map(({ by }) => by)).size, 1, 'one producer and sequence')
  await publish(message)
  t.match(of(0).at(-1)?.by, / 1$/, 'and the next one in its sequence')
})
