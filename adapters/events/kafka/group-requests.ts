/** The requests of a consumer group, in versions that brokers from 3.1 to 4 have. */
import type { Node, Request } from './requests.ts'
import type { Reader, Writer } from './wire.ts'

const request = <Q, A>(
  [name, key, version]: readonly [string, number, number],
  write: (w: Writer, asked: Q) => void,
  read: (r: Reader) => A,
): Request<Q, A> => ({ ...{ name, key, version, isFlexible: true, write }, read })

/** Who a member is, as every request of it says. */
export type Member = { group: string; generation: number; member: string }

const writeMember = (w: Writer, { group, generation, member }: Member): void => {
  w.text(group)
  w.int32(generation)
  w.text(member)
  // No name that outlives the process.
  w.text(undefined)
}

export const FIND_COORDINATOR = request(
  ['FindCoordinator', 10, 3],
  (w, group: string) => {
    w.text(group)
    w.int8(0)
    w.tags()
  },
  (r) => {
    r.int32()
    const [error, message] = [r.int16(), r.nullableText()]
    const node: Node = { id: r.int32(), host: r.text(), port: r.int32() }
    return { error, message, node }
  },
)

type JoinQuestion = {
  group: string
  member: string
  sessionMs: number
  rebalanceMs: number
  protocol: string
  metadata: Buffer
}

export const JOIN_GROUP = request(
  ['JoinGroup', 11, 7],
  (w, { group, member, sessionMs, rebalanceMs, protocol, metadata }: JoinQuestion) => {
    w.text(group)
    w.int32(sessionMs)
    w.int32(rebalanceMs)
    w.text(member)
    w.text(undefined)
    w.text('consumer')
    w.list([protocol], (name) => {
      w.text(name)
      w.bytes(metadata)
      w.tags()
    })
    w.tags()
  },
  (r) => {
    r.int32()
    const [error, generation] = [r.int16(), r.int32()]
    r.nullable()
    r.nullable()
    const [leader, member] = [r.text(), r.text()]
    const members = r.list(() => {
      const one = { member: r.text(), instance: r.nullable(), metadata: r.nullable() ?? Buffer.alloc(0) }
      r.tags()
      return one
    })
    return { error, generation, leader, member, members }
  },
)

export type Assignment = { member: string; assignment: Buffer }

export const SYNC_GROUP = request(
  ['SyncGroup', 14, 5],
  (w, asked: Member & { protocol: string; assignments: readonly Assignment[] }) => {
    writeMember(w, asked)
    w.text('consumer')
    w.text(asked.protocol)
    w.list(asked.assignments, ({ member, assignment }) => {
      w.text(member)
      w.bytes(assignment)
      w.tags()
    })
    w.tags()
  },
  (r) => {
    r.int32()
    const error = r.int16()
    r.nullable()
    r.nullable()
    return { error, assignment: r.nullable() ?? Buffer.alloc(0) }
  },
)

export const HEARTBEAT = request(
  ['Heartbeat', 12, 4],
  (w, asked: Member) => {
    writeMember(w, asked)
    w.tags()
  },
  (r) => {
    r.int32()
    return { error: r.int16() }
  },
)

export const LEAVE_GROUP = request(
  ['LeaveGroup', 13, 4],
  (w, { group, member }: { group: string; member: string }) => {
    w.text(group)
    w.list([member], (id) => {
      w.text(id)
      w.text(undefined)
      w.tags()
    })
    w.tags()
  },
  (r) => {
    r.int32()
    return { error: r.int16() }
  },
)

export const OFFSET_FETCH = request(
  ['OffsetFetch', 9, 7],
  (w, { group, topic, partitions }: { group: string; topic: string; partitions: readonly number[] }) => {
    w.text(group)
    w.list([topic], (name) => {
      w.text(name)
      w.list(partitions, (index) => w.int32(index))
      w.tags()
    })
    w.int8(1)
    w.tags()
  },
  (r) => {
    r.int32()
    const topics = r.list(() => {
      r.text()
      const found = r.list(() => {
        const [index, offset] = [r.int32(), r.int64()]
        r.int32()
        const [metadata, error] = [r.text(), r.int16()]
        r.tags()
        return { index, offset, metadata, error }
      })
      r.tags()
      return found
    })
    return { error: r.int16(), partitions: topics.flat() }
  },
)

type CommitQuestion = Member & {
  topic: string
  metadata: string
  offsets: readonly { index: number; offset: number }[]
}

export const OFFSET_COMMIT = request(
  ['OffsetCommit', 8, 8],
  (w, asked: CommitQuestion) => {
    writeMember(w, asked)
    w.list([asked.topic], (name) => {
      w.text(name)
      w.list(asked.offsets, ({ index, offset }) => {
        w.int32(index)
        w.int64(offset)
        w.int32(-1)
        w.text(asked.metadata)
        w.tags()
      })
      w.tags()
    })
    w.tags()
  },
  (r) => {
    r.int32()
    const topics = r.list(() => {
      r.text()
      const found = r.list(() => {
        const one = { index: r.int32(), error: r.int16() }
        r.tags()
        return one
      })
      r.tags()
      return found
    })
    return topics.flat()
  },
)
