/**
 * The consumer group of a way: the adapters of one name share the partitions of a topic. Guarantees that each
 * partition is one adapter's at a time, as the coordinator knows it, and that a topic whose partitions are
 * others than the offsets are of begins anew.
 */
import type { Connection } from './connection.ts'
import { CODES, check } from './error-codes.ts'
import {
  type Assignment,
  HEARTBEAT,
  JOIN_GROUP,
  LEAVE_GROUP,
  type Member,
  OFFSET_COMMIT,
  OFFSET_FETCH,
  SYNC_GROUP,
} from './group-requests.ts'
import { createReader, createWriter } from './wire.ts'

export type Membership = Member & { partitions: number[] }

type JoinQuestion = {
  connection: Connection
  group: string
  /** Its id of before; empty for a new one. */
  member: string
  topic: string
  partitions: readonly number[]
  sessionMs: number
}

/** Each gets a run of partitions in the order of its id, as Kafka's own assignor of this name does. */
const PROTOCOL = 'range'
/** How long the coordinator waits for the others to come again. */
const REBALANCE_MS = 30_000
const MOST_ANSWER_BYTES = 4_194_304
/** Of what stands in the offsets' own words: which topic they are of. */
const WORD = 'topic '

/** Rejects with `unknownMember` when the group goes on without this one. */
export async function join(q: JoinQuestion): Promise<Membership> {
  const { connection, group, topic } = q
  const asked = { group, member: q.member, sessionMs: q.sessionMs, rebalanceMs: REBALANCE_MS }
  const bounds = { waitMs: REBALANCE_MS + q.sessionMs, mostBytes: MOST_ANSWER_BYTES }
  for (;;) {
    const joining = { ...asked, protocol: PROTOCOL, metadata: subscriptionOf(topic) }
    const joined = await connection.ask(JOIN_GROUP, joining, bounds)
    if (joined.error === CODES.memberIdRequired) {
      asked.member = joined.member
      continue
    }
    check(joined.error)
    const member: Member = { group, generation: joined.generation, member: joined.member }
    asked.member = joined.member
    const assignments = joined.leader === joined.member ? assign(joined.members, topic, q.partitions) : []
    const synced = await connection.ask(SYNC_GROUP, { ...member, protocol: PROTOCOL, assignments }, bounds)
    if (synced.error === CODES.rebalanceInProgress) continue
    check(synced.error)
    const partitions = readAssignment(synced.assignment, topic).filter((one) => q.partitions.includes(one))
    return { ...member, partitions }
  }
}

/** Whether a new division has begun. */
export async function beat(connection: Connection, member: Member): Promise<boolean> {
  const { error } = await connection.ask(HEARTBEAT, member)
  if (error === CODES.rebalanceInProgress) return true
  check(error)
  return false
}

export async function leave(connection: Connection, { group, member }: Member): Promise<void> {
  check((await connection.ask(LEAVE_GROUP, { group, member })).error)
}

type Place = { topic: string; topicId: string }

/**
 * What was committed, without what was of another topic of the same name. An operator may have set it, who
 * writes no word.
 */
export async function readOffsets(
  connection: Connection,
  { group, partitions }: Membership,
  { topic, topicId }: Place,
): Promise<Map<number, number>> {
  const found = await connection.ask(OFFSET_FETCH, { group, topic, partitions })
  check(found.error)
  for (const { error } of found.partitions) check(error)
  const own = found.partitions.filter(
    ({ offset, metadata }) => offset >= 0 && (!metadata.startsWith(WORD) || metadata === WORD + topicId),
  )
  return new Map(own.map(({ index, offset }) => [index, offset]))
}

export async function commit(
  connection: Connection,
  member: Member,
  { topic, topicId }: Place,
  offsets: readonly { index: number; offset: number }[],
): Promise<void> {
  const { group, generation, member: id } = member
  const asked = { ...{ group, generation, member: id, topic, offsets }, metadata: WORD + topicId }
  for (const { error } of await connection.ask(OFFSET_COMMIT, asked)) check(error)
}

/** What Kafka's consumers tell each other (ConsumerProtocolSubscription, version 0). */
function subscriptionOf(topic: string): Buffer {
  const w = createWriter()
  w.int16(0)
  w.int32(1)
  w.oldText(topic)
  w.int32(-1)
  return w.done()
}

function isSubscribed(metadata: Buffer, topic: string): boolean {
  try {
    const r = createReader(metadata)
    r.int16()
    return r.oldList(() => r.oldText()).includes(topic)
  } catch {
    return false
  }
}

function assign(
  members: readonly { member: string; metadata: Buffer }[],
  topic: string,
  partitions: readonly number[],
): Assignment[] {
  const takers = members.filter(({ metadata }) => isSubscribed(metadata, topic))
  const ids = takers.map(({ member }) => member).toSorted()
  const shares = new Map(ids.map((id, at) => [id, shareOf(partitions, at, ids.length)]))
  return members.map(({ member }) => {
    const w = createWriter()
    w.int16(0)
    w.int32(1)
    w.oldText(topic)
    const share = shares.get(member) ?? []
    w.int32(share.length)
    for (const index of share) w.int32(index)
    w.int32(-1)
    return { member, assignment: w.done() }
  })
}

function shareOf(partitions: readonly number[], at: number, count: number): number[] {
  const [least, more] = [Math.floor(partitions.length / count), partitions.length % count]
  const from = at * least + Math.min(at, more)
  return partitions.slice(from, from + least + (at < more ? 1 : 0))
}

function readAssignment(bytes: Buffer, topic: string): number[] {
  if (bytes.length === 0) return []
  const r = createReader(bytes)
  r.int16()
  return r
    .oldList(() => ({ name: r.oldText(), partitions: r.oldList(() => r.int32()) }))
    .filter(({ name }) => name === topic)
    .flatMap(({ partitions }) => partitions)
}
