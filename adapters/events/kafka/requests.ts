/**
 * The requests that the adapter makes of a Kafka broker, each in one version, which brokers from 3.1 to 4
 * have.
 */
import type { Reader, Writer } from './wire.ts'

export type Request<Q, A> = {
  name: string
  key: number
  version: number
  /** The header of the request and of the answer have tags too. */
  isFlexible: boolean
  write(w: Writer, asked: Q): void
  read(r: Reader): A
}

/** Resolves with the answer to this one; larger ones end the connection. */
export type Ask = <Q, A>(
  request: Request<Q, A>,
  asked: Q,
  q?: { mostBytes?: number; waitMs?: number },
) => Promise<A>

const flexible = <Q, A>(
  name: string,
  key: number,
  version: number,
  write: (w: Writer, asked: Q) => void,
  read: (r: Reader) => A,
): Request<Q, A> => ({ name, key, version, isFlexible: true, write, read })

export const API_VERSIONS: Request<
  void,
  { error: number; apis: { key: number; min: number; max: number }[] }
> = {
  ...{ name: 'ApiVersions', key: 18, version: 0, isFlexible: false },
  write: () => undefined,
  read: (r) => ({
    error: r.int16(),
    apis: r.oldList(() => ({ key: r.int16(), min: r.int16(), max: r.int16() })),
  }),
}

export const SASL_HANDSHAKE: Request<string, { error: number; mechanisms: string[] }> = {
  ...{ name: 'SaslHandshake', key: 17, version: 1, isFlexible: false },
  write: (w, mechanism) => w.oldText(mechanism),
  read: (r) => ({ error: r.int16(), mechanisms: r.oldList(() => r.oldText()) }),
}

export const SASL_AUTHENTICATE = flexible(
  ...(['SaslAuthenticate', 36, 2] as const),
  (w, bytes: Buffer) => {
    w.bytes(bytes)
    w.tags()
  },
  (r) => ({ error: r.int16(), message: r.nullableText(), bytes: r.nullable() ?? Buffer.alloc(0) }),
)

export type Node = { id: number; host: string; port: number }

/** Asks for a topic, or for the brokers alone. Nothing is created by it. */
export const METADATA = flexible(
  ...(['Metadata', 3, 12] as const),
  (w, topics: readonly string[]) => {
    w.list(topics, (name) => {
      w.raw(Buffer.alloc(16))
      w.text(name)
      w.tags()
    })
    w.int8(0)
    w.int8(0)
    w.tags()
  },
  (r) => {
    r.int32()
    const nodes = r.list((): Node => {
      const node = { id: r.int32(), host: r.text(), port: r.int32() }
      r.nullable()
      r.tags()
      return node
    })
    r.nullable()
    r.int32()
    return { nodes, topics: r.list(() => readTopic(r)) }
  },
)

function readTopic(r: Reader) {
  const topic = { error: r.int16(), name: r.text(), id: r.uuid() }
  r.int8()
  const partitions = r.list(() => {
    const partition = { error: r.int16(), index: r.int32(), leader: r.int32() }
    r.int32()
    for (let i = 0; i < 3; i++) r.list(() => r.int32())
    r.tags()
    return partition
  })
  r.int32()
  r.tags()
  return { ...topic, partitions }
}

export const PRODUCE = flexible(
  ...(['Produce', 0, 9] as const),
  (w, { topic, partition, timeoutMs, batch }: ProduceQuestion) => {
    w.text(undefined)
    // All replicas that are in step have it.
    w.int16(-1)
    w.int32(timeoutMs)
    w.list([topic], (name) => {
      w.text(name)
      w.list([partition], (index) => {
        w.int32(index)
        w.bytes(batch)
        w.tags()
      })
      w.tags()
    })
    w.tags()
  },
  (r) =>
    r
      .list(() => {
        r.text()
        const partitions = r.list(() => {
          r.int32()
          const error = r.int16()
          r.skip(24)
          r.list(() => {
            r.int32()
            r.nullable()
            r.tags()
          })
          const message = r.nullableText()
          r.tags()
          return { error, message }
        })
        r.tags()
        return partitions
      })
      .flat(),
)

type ProduceQuestion = { topic: string; partition: number; timeoutMs: number; batch: Buffer }

export const INIT_PRODUCER_ID = flexible(
  ...(['InitProducerId', 22, 4] as const),
  (w) => {
    w.text(undefined)
    w.int32(60_000)
    w.int64(-1)
    w.int16(-1)
    w.tags()
  },
  (r) => {
    r.int32()
    return { error: r.int16(), id: r.int64(), epoch: r.int16() }
  },
)

/** Where a partition begins. */
export const LIST_OFFSETS = flexible(
  ...(['ListOffsets', 2, 7] as const),
  (w, { topic, partition, time }: { topic: string; partition: number; time: number }) => {
    w.int32(-1)
    w.int8(1)
    w.list([topic], (name) => {
      w.text(name)
      w.list([partition], (index) => {
        w.int32(index)
        w.int32(-1)
        w.int64(time)
        w.tags()
      })
      w.tags()
    })
    w.tags()
  },
  (r) => {
    r.int32()
    return r
      .list(() => {
        r.text()
        const partitions = r.list(() => {
          r.int32()
          const error = r.int16()
          r.int64()
          const offset = r.int64()
          r.int32()
          r.tags()
          return { error, offset }
        })
        r.tags()
        return partitions
      })
      .flat()
  },
)

type FetchQuestion = {
  topicId: string
  waitMs: number
  mostBytes: number
  partitions: readonly { index: number; offset: number }[]
}

export type FetchedPartition = {
  index: number
  error: number
  aborted: { producer: number; first: number }[]
  records: Buffer
}

/**
 * Of committed transactions only. The broker knows the topic by its id: another one of the same name is not
 * taken for it.
 */
export const FETCH = flexible(
  ...(['Fetch', 1, 13] as const),
  (w, { topicId, waitMs, mostBytes, partitions }: FetchQuestion) => {
    w.int32(-1)
    w.int32(waitMs)
    w.int32(1)
    w.int32(mostBytes)
    w.int8(1)
    // No session of fetches.
    w.int32(0)
    w.int32(-1)
    w.list([topicId], (id) => {
      w.uuid(id)
      w.list(partitions, ({ index, offset }) => {
        w.int32(index)
        w.int32(-1)
        w.int64(offset)
        w.int32(-1)
        w.int64(-1)
        w.int32(mostBytes)
        w.tags()
      })
      w.tags()
    })
    w.list([], () => undefined)
    w.text('')
    w.tags()
  },
  (r) => {
    r.int32()
    const error = r.int16()
    r.int32()
    const partitions = r.list(() => {
      r.uuid()
      const found = r.list(() => readFetched(r))
      r.tags()
      return found
    })
    return { error, partitions: partitions.flat() }
  },
)

function readFetched(r: Reader): FetchedPartition {
  const [index, error] = [r.int32(), r.int16()]
  r.skip(24)
  const aborted = r.list(() => {
    const one = { producer: r.int64(), first: r.int64() }
    r.tags()
    return one
  })
  r.int32()
  const records = r.nullable() ?? Buffer.alloc(0)
  r.tags()
  return { index, error, aborted, records }
}
