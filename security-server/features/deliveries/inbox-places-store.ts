/**
 * How much waits in our inboxes, by sender: counted in the transactions that add and end messages, so that no
 * look reads what waits. Guarantees that no sender leaves more than its bound in an inbox, and all together
 * no more than the inbox's.
 */
import type { Kysely } from 'kysely'
import { lockInbox } from './erased-requests-store.ts'
import type { InboxRow, Tables } from './tables.ts'

export type InboxBounds = {
  senderEvents: number
  senderBytes: number
  inboxEvents: number
  inboxBytes: number
}
export type InboxPlaced = Pick<InboxRow, 'service' | 'client' | 'content'>
type Use = { events: number; bytes: number }

export type Places<Row> = {
  /** False when there is no place for it. */
  take(row: Row): boolean
  /** Writes what was taken; call before the commit. */
  save(): Promise<void>
}

/** The places of these rows, as they are now: nobody else takes any in these inboxes until the commit. */
export async function openPlaces(
  transaction: Kysely<Tables>,
  rows: InboxPlaced[],
  bounds: InboxBounds,
): Promise<Places<InboxPlaced>> {
  const before = new Map<string, Use>()
  const taken = new Map<string, InboxPlaced & Use>()
  const useOf = (key: string): Use => before.get(key) ?? { events: 0, bytes: 0 }
  const senderOf = ({ service, client }: InboxPlaced): string => `${service} ${client}`
  // In one order, so that two transactions never wait for each other.
  for (const service of [...new Set(rows.map((row) => row.service))].sort()) {
    await lockInbox(transaction, service)
    const all = await transaction
      .selectFrom('inbox_use')
      .select(({ fn }) => [fn.sum('events').as('events'), fn.sum('bytes').as('bytes')])
      .where('service', '=', service)
      .executeTakeFirst()
    before.set(service, { events: Number(all?.events ?? 0), bytes: Number(all?.bytes ?? 0) })
  }
  for (const row of new Map(rows.map((one) => [senderOf(one), one])).values()) {
    const found = await transaction
      .selectFrom('inbox_use')
      .select(['events', 'bytes'])
      .where('service', '=', row.service)
      .where('client', '=', row.client)
      .executeTakeFirst()
    if (found !== undefined)
      before.set(senderOf(row), { events: Number(found.events), bytes: Number(found.bytes) })
  }
  return {
    take(row) {
      const bytes = row.content?.length ?? 0
      const [sender, inbox] = [useOf(senderOf(row)), useOf(row.service)]
      const fits =
        sender.events < bounds.senderEvents &&
        sender.bytes + bytes <= bounds.senderBytes &&
        inbox.events < bounds.inboxEvents &&
        inbox.bytes + bytes <= bounds.inboxBytes
      if (!fits) return false
      for (const [key, use] of [
        [senderOf(row), sender],
        [row.service, inbox],
      ] as const)
        before.set(key, { events: use.events + 1, bytes: use.bytes + bytes })
      const so = taken.get(senderOf(row)) ?? { ...row, events: 0, bytes: 0 }
      taken.set(senderOf(row), { ...so, events: so.events + 1, bytes: so.bytes + bytes })
      return true
    },
    async save() {
      for (const [, { service, client, events, bytes }] of [...taken].sort(([a], [b]) => (a < b ? -1 : 1)))
        await transaction
          .insertInto('inbox_use')
          .values({ service, client, events, bytes })
          .onConflict((conflict) =>
            conflict.columns(['service', 'client']).doUpdateSet(({ eb }) => ({
              events: eb('inbox_use.events', '+', events),
              bytes: eb('inbox_use.bytes', '+', bytes),
            })),
          )
          .execute()
    },
  }
}

/** Of messages whose content is no longer kept; in the transaction that drops it. */
export async function leavePlaces(transaction: Kysely<Tables>, rows: InboxPlaced[]): Promise<void> {
  const left = rows.toSorted((a, b) => (`${a.service} ${a.client}` < `${b.service} ${b.client}` ? -1 : 1))
  for (const { service, client, content } of left)
    await transaction
      .updateTable('inbox_use')
      .set(({ eb }) => ({
        events: eb('events', '-', 1),
        bytes: eb('bytes', '-', content?.length ?? 0),
      }))
      .where('service', '=', service)
      .where('client', '=', client)
      .execute()
}
