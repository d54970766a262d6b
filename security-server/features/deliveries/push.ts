/**
 * Pushes waiting events to the own agency's system, for inboxes with an address behind `inbox:`. Guarantees that each lane is pushed in
 * order, one event at a time; an answer of 2xx is the acknowledgement. A system that is away stops its inbox, not the events.
 */
import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { STRUCTURED } from '#core/events/read-event.ts'
import { backOff } from '#platform/jobs/back-off.ts'
import { asFault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import { HEADER } from '#schemas/wire.ts'
import { pushAddress } from '../../local-systems/check-address.ts'
import type { LocalService } from '../../local-systems/local-systems.ts'
import { NotSent } from '../../peer/not-sent.ts'
import type { StoredInbox } from './box-store.ts'
import { acknowledge } from './pull.ts'
import { type DeliveryRooms, iso } from './rooms.ts'

/** More than the longest time-out of a service. */
const CLAIM_MS = 20 * 60_000
const AT_ONCE = 8

/** What the claims of a node's pushes begin with. */
export function pushToken(node: string): string {
  return `push ${node} `
}

type Pusher = { run(signal: AbortSignal): Promise<void> }

export function createPusher(rooms: DeliveryRooms): Pusher {
  /** Inboxes whose system could not be reached; of this node alone. */
  const away = new Map<string, { failures: number; until: number }>()

  async function pushOf(local: LocalService, to: string): Promise<number> {
    const service = idText(local.id)
    const rest = away.get(service)
    const now = rooms.clock()
    if (rest !== undefined && rest.until > now) return 0
    const token = `${pushToken(rooms.node)}${randomUUID()}`
    const rows = await rooms.inbox.claim({
      ...{ of: service, keys: rooms.keys.known, token, limit: rest === undefined ? AT_ONCE : 1 },
      ...{ now: iso(now), until: iso(now + CLAIM_MS) },
    })
    const reached = await Promise.all(rows.map((row) => pushOne(row, { local, to, token })))
    if (reached.includes(false)) {
      const failures = (rest?.failures ?? 0) + 1
      away.set(service, { failures, until: rooms.clock() + backOff(failures, Math.random()) })
      return 0
    }
    if (rows.length > 0) away.delete(service)
    return rows.length
  }

  /** False when the system cannot be reached, which says nothing of the event. */
  async function pushOne(
    row: StoredInbox,
    { local, to, token }: { local: LocalService; to: string; token: string },
  ): Promise<boolean> {
    try {
      if (row.content === null) throw new Error('a waiting event has no content')
      const event = rooms.keys.open(`event ${row.delivery}`, row.content)
      const { status } = await rooms.serviceClient.call({
        ...{ service: { ...local, url: to }, method: 'POST', target: to },
        headers: [
          ['Content-Type', STRUCTURED],
          [HEADER.client, row.client],
          [HEADER.id, row.delivery],
        ],
        body: { size: event.length, bytes: event, open: () => Readable.from([event]) },
        take: () => ({
          write: () => undefined,
          end: async () => ({ body: undefined }),
          abort: async () => undefined,
        }),
      })
      if (status >= 200 && status < 300) {
        await acknowledge({ service: row.service, position: row.position, means: 'push' }, rooms)
        return true
      }
      await giveBack(row, { token, error: `http_${status}` })
      return true
    } catch (cause) {
      const { code } = asFault(cause)
      const isAway = cause instanceof NotSent
      if (isAway) await rooms.inbox.giveBack(row, { token, dueAt: row.due_at, error: code, uncounted: true })
      else await giveBack(row, { token, error: code })
      return !isAway
    }
  }

  /** Tried again later, or a dead letter when it was tried too often; the events behind it then go on. */
  async function giveBack(
    row: StoredInbox,
    { token, error }: { token: string; error: string },
  ): Promise<void> {
    if (row.attempts >= rooms.settings.attempts) {
      const ended = { state: 'dead', at: iso(rooms.clock()), error, drops: false } as const
      await rooms.inbox.end(row, ended, { from: ['waiting'], token })
      rooms.log.warn(
        { delivery: row.delivery, outcome: error },
        'an event that the system fails on went to the dead letters',
      )
      return
    }
    const dueAt = iso(rooms.clock() + backOff(row.attempts, Math.random()))
    await rooms.inbox.giveBack(row, { token, dueAt, error })
  }

  return {
    async run(signal) {
      for (let pushed = 1; pushed > 0 && !signal.aborted; ) {
        pushed = 0
        for (const { service } of rooms.localSystems.view().services.values()) {
          const to = pushAddress(service.url)
          if (to !== undefined && service.disabledNotice === undefined) pushed += await pushOf(service, to)
        }
      }
    },
  }
}
