/**
 * Fetches partitions from their leaders. Guarantees that each message is given out once and in order, when
 * there is room for it.
 */
import { setTimeout as wait } from 'node:timers/promises'
import type { Log } from '#platform/logging/create-log.ts'
import type { Taken } from '../broker.ts'
import type { LimitSettings } from '../settings.ts'
import type { Cluster, Topic } from './cluster.ts'
import type { Connection } from './connection.ts'
import { CODES, check, kafkaError } from './error-codes.ts'
import { readKafkaHeaders } from './headers.ts'
import { keyText } from './key-text.ts'
import type { Progress } from './progress.ts'
import { type Found, readFetched } from './read-batch.ts'
import { FETCH, type FetchedPartition, LIST_OFFSETS, type Node } from './requests.ts'
import type { Room } from './room.ts'

type FetchQuestion = {
  cluster: Cluster
  limits: LimitSettings
  topic: Topic
  indexes: readonly number[]
  progress: ReadonlyMap<number, Progress>
  room: Room
  log: Log
  signal: AbortSignal
  give(index: number, offset: number, bytes: number, content: Omit<Taken, 'position' | 'confirm'>): void
  /** After each answer; whether all leaders have answered. */
  onTaken(isWell: boolean): void
  onReset(): void
}

/** How long a broker that has nothing keeps a request. */
const WAIT_MS = 5000
/** So much is asked for at once; a larger batch comes whole all the same. */
const FETCH_BYTES = 4_194_304
/** Of an answer, beside its batches. */
const HEAD_BYTES = 1_048_576
const LEADERLESS_MS = 1000
const EARLIEST = -2

/** Until the signal. Throws for what no message says anything of. */
export async function fetchFrom(q: FetchQuestion): Promise<void> {
  const byLeader = new Map<number | undefined, { leader: Node | undefined; indexes: number[] }>()
  for (const { index, leader } of q.topic.partitions) {
    if (!q.indexes.includes(index)) continue
    const group = byLeader.get(leader?.id) ?? { leader, indexes: [] }
    group.indexes.push(index)
    byLeader.set(leader?.id, group)
  }
  const answered = new Set<number>()
  const onAnswer = (leader: Node): void => {
    answered.add(leader.id)
    q.onTaken(answered.size === byLeader.size)
  }
  const most = Math.max(1, Math.floor(Math.min(FETCH_BYTES, q.limits.bytes) / byLeader.size))
  await Promise.all(
    [...byLeader.values()].map(({ leader, indexes }) =>
      leader === undefined
        ? missLeader(q, indexes)
        : fetchFromLeader({ ...q, onAnswer: () => onAnswer(leader) }, leader, indexes, most),
    ),
  )
}

async function missLeader({ signal }: FetchQuestion, indexes: number[]): Promise<never> {
  await wait(LEADERLESS_MS, undefined, { signal })
  throw kafkaError(5, ` (${indexes.join(', ')})`)
}

async function fetchFromLeader(
  q: FetchQuestion & { onAnswer(): void },
  leader: Node,
  indexes: number[],
  most: number,
): Promise<void> {
  const { signal, progress } = q
  const connection = await q.cluster.connect(leader)
  const close = (): void => connection.close('the partitions are divided anew')
  signal.addEventListener('abort', close, { once: true })
  try {
    // The first answer comes at once, so that it is known whether anything can be taken.
    for (let waitMs = 0; !signal.aborted; waitMs = WAIT_MS) {
      const partitions = indexes.map((index) => ({ index, offset: progress.get(index)!.next }))
      const asked = { topicId: q.topic.id, waitMs, mostBytes: most, partitions }
      const bound = { waitMs, mostBytes: q.limits.bytes + HEAD_BYTES }
      const { error, partitions: found } = await connection.ask(FETCH, asked, bound)
      check(error)
      let failure: { thrown: unknown } | undefined
      // One that cannot be read does not hold the others up.
      for (const one of found)
        await takePartition(q, connection, one).catch((thrown: unknown) => {
          failure ??= { thrown }
        })
      if (failure !== undefined) throw failure.thrown
      q.onAnswer()
    }
  } finally {
    signal.removeEventListener('abort', close)
    close()
  }
}

async function takePartition(
  q: FetchQuestion,
  connection: Connection,
  found: FetchedPartition,
): Promise<void> {
  const { index } = found
  const own = q.progress.get(index)
  if (own === undefined) throw new Error('the broker answers with a partition that nobody asked for')
  if (found.error === CODES.offsetOutOfRange) return beginAgain(q, connection, index, own)
  check(found.error)
  const before = own.next
  for await (const one of readFetched(found, q.limits.bytes)) await takeOne(q, index, own, one)
  if (found.records.length > 0 && own.next === before)
    throw new Error('the broker repeats what was taken, or a batch is larger than limits.bytes')
}

async function takeOne(q: FetchQuestion, index: number, own: Progress, found: Found): Promise<void> {
  if (found.kind === 'end') return own.passTo(found.offset)
  const common = { subject: q.topic.name }
  if (found.kind === 'unreadable') {
    const { bytes } = found.batch
    if (found.batch.last < own.next) return
    await q.room.enter(bytes.length, q.signal)
    const content = { headers: [], properties: new Map<string, string>(), body: Buffer.from(bytes) }
    q.give(index, Math.max(own.next, found.batch.first), bytes.length, {
      ...{ ...common, ...content, fault: found.fault },
    })
    return
  }
  const { offset, key, value, headers } = found.record
  // The broker gives whole batches.
  if (offset < own.next) return
  const size = headers.reduce((sum, [name, text]) => sum + name.length + (text?.length ?? 0), 0)
  const bytes = size + (value?.length ?? 0) + (key?.length ?? 0)
  await q.room.enter(bytes, q.signal)
  q.give(index, offset, bytes, {
    ...{ ...common, ...readKafkaHeaders(found.record), key: key && keyText(key) },
    // Its own octets: a part would keep the whole batch.
    body: Buffer.from(value ?? []),
  })
}

/** The topic has let go what was next, or has lost what was taken. */
async function beginAgain(
  q: FetchQuestion,
  connection: Connection,
  index: number,
  own: Progress,
): Promise<void> {
  const asked = { topic: q.topic.name, partition: index, time: EARLIEST }
  const [answer] = await connection.ask(LIST_OFFSETS, asked)
  if (answer === undefined) throw new Error('the broker does not say where the partition begins')
  check(answer.error)
  // One that was never taken begins where it begins.
  if (own.next > 0) {
    q.log.warn({ partition: index, next: own.next, first: answer.offset }, 'the place is gone from the topic')
    q.onReset()
  }
  own.beginAt(answer.offset)
}
