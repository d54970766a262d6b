/** For tests: what others do at a Kafka broker, by the adapter's own connection. */
import type { Test } from 'tap'
import type { BrokerProcess } from '#test/broker-process.ts'
import { until } from '#test/until.ts'
import { type Connection, openConnection } from './connection.ts'
import { crc32c } from './crc32c.ts'
import { OFFSET_FETCH } from './group-requests.ts'
import { readFetched } from './read-batch.ts'
import { type KafkaRecord, writeBatch } from './records.ts'
import { FETCH, METADATA, PRODUCE, type Request } from './requests.ts'
import { createWriter } from './wire.ts'

type Headers = Record<string, string | Buffer>
type Held = { value: string; key: string | undefined; headers: Map<string, string>; partition: number }

const CREATE_TOPIC: Request<{ name: string; partitions: number; config: Record<string, string> }, number[]> =
  {
    ...{ name: 'CreateTopics', key: 19, version: 5, isFlexible: true },
    write(w, { name, partitions, config }) {
      w.list([name], (topic) => {
        w.text(topic)
        w.int32(partitions)
        w.int16(1)
        w.list([], () => undefined)
        w.list(Object.entries(config), ([key, value]) => {
          w.text(key)
          w.text(value)
          w.tags()
        })
        w.tags()
      })
      w.int32(20_000)
      w.int8(0)
      w.tags()
    },
    read(r) {
      r.int32()
      return r.list(() => {
        r.text()
        const error = r.int16()
        r.nullable()
        r.skip(6)
        r.list(() => {
          r.text()
          r.nullable()
          r.skip(3)
          r.tags()
        })
        r.tags()
        return error
      })
    },
  }

const DELETE_TOPIC: Request<string, number[]> = {
  ...{ name: 'DeleteTopics', key: 20, version: 4, isFlexible: true },
  write(w, name) {
    w.list([name], w.text)
    w.int32(20_000)
    w.tags()
  },
  read(r) {
    r.int32()
    return r.list(() => {
      r.text()
      const error = r.int16()
      r.tags()
      return error
    })
  },
}

/** A batch that says of itself what the test wants. */
export function rawBatch(q: {
  payload: Buffer
  attributes?: number
  first?: number
  count?: number
  producer?: number
}): Buffer {
  const { payload, attributes = 0, first = 0, count = 1, producer = -1 } = q
  const checked = createWriter()
  checked.int16(attributes)
  checked.int32(Math.max(0, count - 1))
  checked.int64(0)
  checked.int64(0)
  checked.int64(producer)
  checked.int16(-1)
  checked.int32(-1)
  checked.int32(count)
  checked.raw(payload)
  const body = checked.done()
  const w = createWriter()
  w.int64(first)
  w.int32(body.length + 9)
  w.int32(-1)
  w.int8(2)
  w.uint32(crc32c(body))
  w.raw(body)
  return w.done()
}

/** One record, as it stands in a batch. */
export function rawRecord(value: Buffer, q: { key?: Buffer; delta?: number; headers?: number } = {}): Buffer {
  const record = createWriter()
  record.int8(0)
  record.signed(0)
  record.signed(q.delta ?? 0)
  record.recordBytes(q.key)
  record.recordBytes(value)
  record.signed(q.headers ?? 0)
  for (let i = 0; i < (q.headers ?? 0); i++) {
    record.recordBytes(Buffer.from('h'))
    record.recordBytes(undefined)
  }
  const bytes = record.done()
  const w = createWriter()
  w.signed(bytes.length)
  w.raw(bytes)
  return w.done()
}

export async function openKafkaUser(t: Test, { address, port }: Pick<BrokerProcess, 'address' | 'port'>) {
  let open: Connection | undefined
  /** Until it succeeds: the broker starts, or a topic gets its leader. */
  const tried = <T>(act: (connection: Connection) => Promise<T | undefined>): Promise<T> =>
    until('Kafka does what is asked for', async (saw) => {
      try {
        if (open?.isOpen() !== true)
          open = await openConnection({
            ...{ host: address, port, isTls: false, credentials: { tls: {} } },
            broker: { name: 'user', user: undefined, mechanism: 'plain' },
          })
        return await act(open)
      } catch (thrown) {
        saw((thrown as Error).message)
        return undefined
      }
    }) as Promise<T>
  t.teardown(() => open?.close('the test is over'))

  const idOf = (topic: string): Promise<string> =>
    tried(async (connection) => (await connection.ask(METADATA, [topic])).topics[0]?.id)

  async function publishBatch(topic: string, batch: Buffer, partition = 0): Promise<void> {
    await tried(async (connection) => {
      const [answer] = await connection.ask(PRODUCE, { topic, partition, timeoutMs: 5000, batch })
      if (answer?.error !== 0) throw new Error(`Kafka answers with ${answer?.error}: ${answer?.message}`)
      return true
    })
  }

  async function heldIn(topic: string, partition: number): Promise<Held[]> {
    const topicId = await idOf(topic)
    const found: KafkaRecord[] = []
    for (let offset = 0; ; ) {
      const asked = { topicId, waitMs: 0, mostBytes: 1_000_000, partitions: [{ index: partition, offset }] }
      const answer = await tried((connection) => connection.ask(FETCH, asked))
      const before = offset
      for await (const one of readFetched(answer.partitions[0]!, 100_000_000)) {
        if (one.kind === 'record' && one.record.offset >= before) found.push(one.record)
        if (one.kind === 'end') offset = one.offset
      }
      if (offset === before) break
    }
    return found.map(({ key, value, headers }) => ({
      ...{ value: value?.toString() ?? '', key: key?.toString(), partition },
      headers: new Map(headers.map(([name, text]) => [name.toString(), text?.toString() ?? ''])),
    }))
  }

  return {
    publishBatch,
    /** Resolves when the topic can be used. */
    async createTopic(name: string, partitions = 1, config: Record<string, string> = {}) {
      await tried(async (connection) => {
        const [error] = await connection.ask(CREATE_TOPIC, { name, partitions, config })
        // 36: it is there.
        if (error !== 0 && error !== 36) throw new Error(`Kafka answers with ${error}`)
        const { topics } = await connection.ask(METADATA, [name])
        return topics[0]?.error === 0 && topics[0].partitions.every(({ error }) => error === 0)
          ? true
          : undefined
      })
    },
    /**
     * Resolves when the broker does not show it any more: it would take messages of the next one into this
     * one.
     */
    async deleteTopic(name: string) {
      await tried(async (connection) => {
        const [error] = await connection.ask(DELETE_TOPIC, name)
        // 3: it is not there.
        if (error !== 0 && error !== 3) return undefined
        return (await connection.ask(METADATA, [name])).topics[0]?.error === 3 ? true : undefined
      })
    },
    publish(
      topic: string,
      value: string | Buffer,
      q: { headers?: Headers; key?: string; partition?: number } = {},
    ): Promise<void> {
      const headers = Object.entries(q.headers ?? {}).map(([name, text]): [Buffer, Buffer] => [
        Buffer.from(name),
        Buffer.from(text),
      ])
      const key = q.key === undefined ? undefined : Buffer.from(q.key)
      const record = { key, value: Buffer.from(value), headers }
      const nobody = { id: -1, epoch: -1, sequence: -1 }
      return publishBatch(topic, writeBatch(record, nobody, Date.now()), q.partition)
    },
    /** All that a topic holds. */
    async held(topic: string, partitions = 1): Promise<Held[]> {
      const all = Array.from({ length: partitions }, (_, partition) => heldIn(topic, partition))
      return (await Promise.all(all)).flat()
    },
    /** What a group has committed, by partition. */
    async committed(group: string, topic: string, partitions = 1): Promise<number[]> {
      const asked = { group, topic, partitions: Array.from({ length: partitions }, (_, index) => index) }
      const { partitions: found } = await tried((connection) => connection.ask(OFFSET_FETCH, asked))
      return found.map(({ offset }) => offset)
    },
  }
}
