/**
 * The rows of the outbox table, as events. Guarantees that a row is deleted or marked only when the own security server has accepted its
 * event, that rows of one key go one after the other in their order, and that a crash in between makes no event twice: the id is in the row.
 */
import { EventRefused, type HandOver } from '#adapters/kit/messages/hand-over.ts'
import type { CloudEvent } from '#core/events/cloud-event.ts'
import { writeStructured } from '#core/events/write-event.ts'
import { createPlaces } from '#platform/in-turn.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import type { Dialect } from '../dialects.ts'
import type { MessageStore } from './message-store.ts'
import type { OutboxSettings, SqlMessagesSettings } from './settings.ts'

type Row = { position: string; inbox: string; key: string | undefined; event: CloudEvent }

const COLUMNS = 'position, inbox, event_id, event_type, subject, ordering_key, content_type, data'
const MAX_REASON = 1000

/** One look at the table; whether there were rows. */
export function createSendRows(q: {
  outbox: OutboxSettings
  limits: SqlMessagesSettings['limits']
  dialect: Dialect
  store: MessageStore
  handOver: HandOver
}): (signal: AbortSignal) => Promise<boolean> {
  const { outbox, limits, dialect, store, handOver } = q
  const place = (n: number): string => dialect.place(n)
  const waiting = {
    text: `select ${COLUMNS} from concordat_outbox where state = 'waiting' order by position limit ${limits.rows}`,
    values: [],
  }
  const accepted =
    outbox.after === 'delete'
      ? `delete from concordat_outbox where position = ${place(1)}`
      : `update concordat_outbox set state = 'accepted' where position = ${place(1)}`
  const refused = `update concordat_outbox set state = 'refused', reason = ${place(1)} where position = ${place(2)}`

  async function sendOne({ position, inbox, event }: Row, signal: AbortSignal): Promise<void> {
    try {
      await handOver.accept(inbox, written(event), signal)
    } catch (thrown) {
      if (!(thrown instanceof EventRefused) && !(thrown instanceof Fault)) throw thrown
      const reason = thrown.message.slice(0, MAX_REASON)
      await store.inTransaction((run) => run({ text: refused, values: [reason, position] }))
      return
    }
    await store.inTransaction((run) => run({ text: accepted, values: [position] }))
  }

  return async (signal) => {
    const found = await store.inTransaction((run) => run(waiting))
    const rows = found.map((one) => rowOf(one, outbox))
    const slots = createPlaces(limits.atOnce)
    const lanes = Map.groupBy(rows, ({ inbox, key, position }) =>
      key === undefined ? position : JSON.stringify([inbox, key]),
    )
    let failure: { thrown: unknown } | undefined
    const lane = async (some: Row[]): Promise<void> => {
      for (const row of some) {
        if (failure !== undefined || signal.aborted) return
        await sendOne(row, signal).catch((thrown: unknown) => {
          failure ??= { thrown }
        })
      }
    }
    await Promise.all([...lanes.values()].map((some) => slots.run(() => lane(some))))
    if (failure !== undefined) throw failure.thrown
    return rows.length > 0
  }
}

function rowOf(values: unknown[], { eventSource }: OutboxSettings): Row {
  const [position, inbox, id, type, subject, key, contentType, data] = values.map((one) =>
    one === null || one === undefined
      ? undefined
      : one instanceof Uint8Array
        ? Buffer.from(one)
        : String(one as string),
  )
  const text = (one: unknown): string => (Buffer.isBuffer(one) ? one.toString() : String(one as string))
  return {
    ...{ position: text(position), inbox: text(inbox), key: key === undefined ? undefined : text(key) },
    event: {
      ...{ id: text(id), source: eventSource, type: text(type) },
      ...(subject !== undefined && { subject: text(subject) }),
      extensions: new Map(key === undefined ? [] : [['partitionkey', text(key)]]),
      ...(data !== undefined && { datacontenttype: text(contentType), data: Buffer.from(data) }),
    },
  }
}

/** Throws a Fault for a row of which no event can be made. */
function written(event: CloudEvent): Buffer {
  try {
    return writeStructured(event).body
  } catch (cause) {
    throw asFault(cause)
  }
}
