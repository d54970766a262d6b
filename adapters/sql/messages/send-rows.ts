/**
 * The rows of the outbox table, as events. Guarantees that a row is deleted or marked only when the own
 * security server has accepted its event, that rows of one key go one after the other in their order, that
 * rows of an inbox which takes nothing hold up no others, and that a crash in between makes no event twice:
 * the id is in the row.
 */
import { EventRefused } from '#adapters/kit/messages/hand-over.ts'
import type { CloudEvent } from '#core/events/cloud-event.ts'
import { writeStructured } from '#core/events/write-event.ts'
import { createPlaces } from '#platform/in-turn.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import type { Dialect } from '../dialects.ts'
import type { Statement } from '../source.ts'
import type { Gates } from './gates.ts'
import type { MessageStore } from './message-store.ts'
import type { OutboxSettings, SqlMessagesSettings } from './settings.ts'

type Row = { position: string; inbox: string; key: string | undefined; event: CloudEvent }

const COLUMNS = 'position, inbox, event_id, event_type, subject, ordering_key, content_type, data'
const MAX_REASON = 1000

/** One look at the table; whether a row of it went. */
export function createSendRows(q: {
  outbox: OutboxSettings
  limits: SqlMessagesSettings['limits']
  dialect: Dialect
  store: MessageStore
  gates: Gates
}): (signal: AbortSignal) => Promise<boolean> {
  const { outbox, limits, dialect, store, gates } = q
  const place = (n: number): string => dialect.place(n)
  const waiting = (): Statement => {
    const closed = gates.closed()
    const others =
      closed.length === 0 ? '' : ` and inbox not in (${closed.map((_, at) => place(at + 1)).join(', ')})`
    const text = `select ${COLUMNS} from concordat_outbox where state = 'waiting'${others}`
    return { text: `${text} order by position limit ${limits.rows}`, values: closed }
  }
  const accepted =
    outbox.after === 'delete'
      ? `delete from concordat_outbox where position = ${place(1)}`
      : `update concordat_outbox set state = 'accepted' where position = ${place(1)}`
  const refused = `update concordat_outbox set state = 'refused', reason = ${place(1)} where position = ${place(2)}`

  /** False while its inbox takes nothing. */
  async function sendOne({ position, inbox, event }: Row, signal: AbortSignal): Promise<boolean> {
    try {
      if (!(await gates.offer(inbox, written(event), signal))) return false
    } catch (thrown) {
      if (!(thrown instanceof EventRefused) && !(thrown instanceof Fault)) throw thrown
      const reason = thrown.message.slice(0, MAX_REASON)
      await store.inTransaction((run) => run({ text: refused, values: [reason, position] }))
      return true
    }
    await store.inTransaction((run) => run({ text: accepted, values: [position] }))
    return true
  }

  return async (signal) => {
    const found = await store.inTransaction((run) => run(waiting()))
    const rows = found.map((one) => rowOf(one, outbox))
    gates.keep(new Set(rows.map(({ inbox }) => inbox)))
    const slots = createPlaces(limits.atOnce)
    const lanes = Map.groupBy(rows, ({ inbox, key, position }) =>
      key === undefined ? position : JSON.stringify([inbox, key]),
    )
    let failure: { thrown: unknown } | undefined
    let isBusy = false
    const lane = async (some: Row[]): Promise<void> => {
      for (const row of some) {
        if (failure !== undefined || signal.aborted) return
        const went = await sendOne(row, signal).catch((thrown: unknown) => {
          failure ??= { thrown }
          return false
        })
        if (!went) return
        isBusy = true
      }
    }
    await Promise.all([...lanes.values()].map((some) => slots.run(() => lane(some))))
    if (failure !== undefined) throw failure.thrown
    return isBusy
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
