/**
 * Takes the messages of a topic as a member of a consumer group. Guarantees that an offset is committed only
 * when all before it are confirmed, that no more than the limits are out, that what a rebalance gives to
 * others is not confirmed here any more, and that a topic which is no longer the one of before is said.
 */
import { setTimeout as wait } from 'node:timers/promises'
import type { Log } from '#platform/logging/create-log.ts'
import { Fault } from '#schemas/fault.ts'
import type { Taken, Taking } from '../broker.ts'
import type { BrokerSettings, LimitSettings, SendSettings } from '../settings.ts'
import type { Cluster, Topic } from './cluster.ts'
import { createCommits, type Session } from './commits.ts'
import type { Connection } from './connection.ts'
import { CODES, codeOf } from './error-codes.ts'
import { fetchFrom } from './fetch-from.ts'
import { beat, join, leave, readOffsets } from './group.ts'
import { createProgress, type Progress } from './progress.ts'
import { createRoom } from './room.ts'

type TakeQuestion = {
  way: SendSettings
  broker: BrokerSettings
  limits: LimitSettings
  cluster: Cluster
  log: Log
  onReset(): void
  deliver(message: Taken): void
}

const RETRY_MS = 1000
/** After how long a topic may have got other partitions. */
const TOPIC_MS = 30_000
const DRAIN_LOOK_MS = 50
/** With these the group goes on without this member. */
const LAPSED: number[] = [CODES.unknownMember, CODES.illegalGeneration, CODES.fencedInstance]
const OTHER_TOPIC: number[] = [CODES.unknownTopicId, CODES.inconsistentTopicId]

/** The topic is not the one that the session was begun with. */
const CHANGED = 'the topic has changed'

export function takeFromKafka(q: TakeQuestion): Taking {
  const { way, cluster, log } = q
  const group = way.consumer ?? `${q.broker.name}-${way.name}`
  const sessionMs = q.broker.ackWaitSeconds * 1000
  const ended = new AbortController()
  const stopping = new AbortController()
  const room = createRoom(q.limits)
  const progress = new Map<number, Progress>()
  let reason: string | undefined = 'nothing was taken yet'
  let member = ''
  let topicId: string | undefined
  let current: Session | undefined
  const commitSoon = createCommits({ topic: way.from, progress, current: () => current, log })

  const say = (thrown: unknown): void => {
    const why = `Kafka: ${(thrown as Error).message}`
    if (why !== reason) log.warn({ err: thrown }, 'no messages are taken')
    reason = why
  }

  function give(index: number, offset: number, bytes: number, content: Omit<Taken, 'position' | 'confirm'>) {
    const own = progress.get(index)
    if (own === undefined) return room.leave(bytes)
    const done = own.give(offset)
    let isOver = false
    q.deliver({
      ...content,
      position: `${way.from}-${topicId}-${index}-${offset}`,
      async confirm() {
        if (!isOver) room.leave(bytes)
        isOver = true
        if (progress.get(index) !== own)
          throw new Fault('source_unavailable', { what: 'the partition is no longer taken here' })
        done()
        void commitSoon()
      },
    })
  }

  /** The topic as it is now. Throws for one that the session was not begun with. */
  async function lookAgain(before: Topic): Promise<Topic> {
    const topic = await cluster.topic(way.from)
    const isSame = topic.id === before.id && topic.partitions.length === before.partitions.length
    if (!isSame) throw new Error(CHANGED)
    return topic
  }

  /** Until the signal. Throws only when the session has to begin anew. */
  async function fetchAll(begun: Topic, indexes: readonly number[], signal: AbortSignal): Promise<void> {
    for (let topic = begun; !signal.aborted; ) {
      const over = new AbortController()
      const common = { cluster, limits: q.limits, topic, progress, room, give, log, onReset: q.onReset }
      const onTaken = (isWell: boolean): void => {
        if (isWell) reason = undefined
        void commitSoon()
      }
      const until = AbortSignal.any([signal, over.signal])
      try {
        await fetchFrom({ ...common, indexes, signal: until, onTaken })
      } catch (thrown) {
        if (signal.aborted) return
        say(thrown)
        over.abort()
        await wait(RETRY_MS, undefined, { signal }).catch(() => undefined)
        if (OTHER_TOPIC.includes(codeOf(thrown) ?? 0)) throw thrown
        topic = await lookAgain(begun).catch((again: unknown) => {
          if (isChange(again)) throw again
          return topic
        })
      }
    }
  }

  /** Resolves when the group divides the partitions anew; while it stops, that is for others. */
  async function keepPlace(
    { connection, member }: Session,
    topic: Topic,
    signal: AbortSignal,
  ): Promise<void> {
    let lookedAt = performance.now()
    while (!signal.aborted) {
      await wait(sessionMs / 4, undefined, { signal })
      if ((await beat(connection, member)) && !stopping.signal.aborted) return
      if (performance.now() - lookedAt < TOPIC_MS) continue
      lookedAt = performance.now()
      await lookAgain(topic)
    }
  }

  async function joinAnew(connection: Connection, topic: Topic): Promise<Session> {
    const indexes = topic.partitions.map(({ index }) => index)
    const asked = { connection, group, member, topic: way.from, partitions: indexes, sessionMs }
    const joined = await join(asked).catch((thrown: unknown) => {
      // Others may have had the partitions meanwhile.
      progress.clear()
      throw thrown
    })
    member = joined.member
    for (const index of progress.keys()) if (!joined.partitions.includes(index)) progress.delete(index)
    const offsets = await readOffsets(connection, joined, { topic: way.from, topicId: topic.id })
    for (const index of joined.partitions)
      if (!progress.has(index))
        progress.set(index, createProgress(offsets.get(index) ?? 0, offsets.get(index)))
    log.info({ group, partitions: joined.partitions }, 'takes partitions')
    return { connection, member: joined, topicId: topic.id }
  }

  /** From one division of the partitions to the next. */
  async function round(connection: Connection, topic: Topic): Promise<void> {
    const session = await joinAnew(connection, topic)
    current = session
    void commitSoon()
    const over = new AbortController()
    const signal = AbortSignal.any([over.signal, ended.signal])
    const until = AbortSignal.any([signal, stopping.signal])
    const { partitions } = session.member
    if (partitions.length === 0) reason = undefined
    const fetching = partitions.length === 0 ? Promise.resolve() : fetchAll(topic, partitions, until)
    const failed = Promise.withResolvers<never>()
    fetching.catch(failed.reject)
    try {
      await Promise.race([keepPlace(session, topic, signal), failed.promise])
    } finally {
      over.abort()
      await fetching.catch(() => undefined)
    }
    await drain()
    await commitSoon()
    current = undefined
  }

  /** What is under way ends before others begin with it, if it ends soon. */
  async function drain(): Promise<void> {
    const until = performance.now() + sessionMs / 2
    const isOut = (): boolean => [...progress.values()].some((one) => one.isOut())
    while (isOut() && performance.now() < until) await wait(DRAIN_LOOK_MS)
  }

  async function session(): Promise<void> {
    const topic = await cluster.topic(way.from)
    if (topicId !== undefined && topicId !== topic.id) {
      log.warn('the topic is not the one of before: what it held and had not given out is gone from it')
      q.onReset()
      progress.clear()
    }
    topicId = topic.id
    const connection = await cluster.coordinator(group)
    const close = (): void => connection.close('the adapter stops')
    ended.signal.addEventListener('abort', close, { once: true })
    try {
      while (!ended.signal.aborted) await round(connection, topic)
    } finally {
      current = undefined
      ended.signal.removeEventListener('abort', close)
      close()
    }
  }

  async function run(): Promise<void> {
    while (!ended.signal.aborted && !stopping.signal.aborted) {
      await session().catch((thrown: unknown) => {
        if (ended.signal.aborted) return
        if (LAPSED.includes(codeOf(thrown) ?? 0)) {
          member = ''
          progress.clear()
          log.warn({ err: thrown }, 'the group went on without this adapter: messages may come again')
        } else if (!isChange(thrown)) say(thrown)
      })
      await wait(RETRY_MS, undefined, { signal: AbortSignal.any([ended.signal, stopping.signal]) }).catch(
        () => undefined,
      )
    }
  }

  const running = run()
  return {
    finding: () => ({ ok: reason === undefined, reason }),
    async stop() {
      stopping.abort()
    },
    async release() {
      const last = current
      if (last !== undefined) {
        await commitSoon()
        // Others need not wait until the session is over.
        await leave(last.connection, last.member).catch(() => undefined)
      }
      ended.abort()
      await running
    },
  }
}

function isChange(thrown: unknown): boolean {
  return (thrown as Error).message === CHANGED
}
