/** Looks at what ends, and makes the letters that are due of it. */
import { hash } from 'node:crypto'
import type { Fields } from '#core/mail/mail-address.ts'
import { DAY_MS, thresholdOf } from '#core/mail/threshold.ts'
import type { Clock } from '#platform/clock.ts'
import { type CollectedFailures, collectFailures } from '#platform/collect-failures.ts'
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import type { Log } from '#platform/logging/create-log.ts'
import type { Change } from '../../changes/store.ts'
import type { PutMail } from '../../members/contacts/letters-store.ts'
import type { RegisterTables } from '../../register/tables.ts'
import type { DeadlineTables } from './migrations.ts'
import type { Thing } from './things-store.ts'

type Tables = RegisterTables & DeadlineTables

/** Longer than anything is looked at: from 60 days ahead to 30 days after its end. */
const KEPT_MS = 120 * DAY_MS

/**
 * Each node looks at the certificates of its own listeners, and at what all share; the table makes each
 * letter once.
 */
export function createLook(rooms: {
  database: Database
  record: Change<Tables>
  /** Each by itself: what cannot be read keeps nothing else from being told. */
  things(now: number, failures: CollectedFailures): Promise<Thing[]>
  put: PutMail
  to: string[]
  clock: Clock
  log: Pick<Log, 'warn'>
}): (signal?: AbortSignal) => Promise<void> {
  const { record, put, to, clock, log } = rooms
  const tables = tablesOf<Tables>(rooms.database)

  async function recipientsOf({ members }: Thing): Promise<string[]> {
    if (members.length === 0) return to
    const rows = await tables
      .selectFrom('member_mail_address')
      .select('address')
      .where('member', 'in', members)
      .execute()
    return rows.length === 0 ? to : [...new Set(rows.map(({ address }) => address))]
  }

  /** Resolves to the number of letters that were made. */
  async function tell(thing: Thing, threshold: number, now: number): Promise<number> {
    const id = `${thing.kind} ${thing.id} ${new Date(thing.ends).toISOString()}`
    const told = await tables
      .selectFrom('deadline_told')
      .select('recipient')
      .where('thing', '=', id)
      .where('threshold', '=', threshold)
      .execute()
    const before = new Set(told.map(({ recipient }) => recipient))
    const byName = new Map((await recipientsOf(thing)).map((address) => [nameOf(address), address]))
    const recipients = [...byName.keys()].filter((name) => !before.has(name))
    if (recipients.length === 0) return 0
    return record(async (transaction) => {
      const at = new Date(now).toISOString()
      const made = await transaction
        .insertInto('deadline_told')
        .values(recipients.map((recipient) => ({ thing: id, threshold, recipient, at })))
        .onConflict((conflict) => conflict.doNothing())
        .returning('recipient')
        .execute()
      await put(
        transaction,
        made.map(({ recipient }) => byName.get(recipient)!),
        `deadline.${thing.kind}`,
        fieldsOf(thing),
      )
      return made.length
    })
  }

  return async (signal) => {
    const now = clock()
    const failures = collectFailures(log)
    const things = await rooms.things(now, failures)
    await failures.each(
      things,
      ({ kind, id }) => `${kind} ${id}`,
      async (thing) => {
        const threshold = thresholdOf(thing, now)
        if (threshold === undefined || signal?.aborted === true) return
        const letters = await tell(thing, threshold, now)
        const { kind, id } = thing
        if (letters > 0) log.warn({ kind, thing: id, threshold, letters }, 'something ends')
      },
    )
    await tables
      .deleteFrom('deadline_told')
      .where('at', '<', new Date(now - KEPT_MS).toISOString())
      .execute()
    failures.end()
  }
}

/** By which a recipient is known without keeping the address, which a member may take back. */
function nameOf(address: string): string {
  return hash('sha256', address.toLowerCase())
}

function fieldsOf({ name, of, ends }: Thing): Fields {
  return { name, of, ends: new Date(ends).toISOString() }
}
