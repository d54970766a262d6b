/**
 * Stores complaints and what was written in them. Guarantees that a repeated message opens no second case,
 * that a use has one open case of a person, and that no storm fills the disk.
 */
import type { Kysely } from 'kysely'
import { lockFor } from '#platform/database/dialect.ts'
import { type Database, inTransaction, tablesOf, type Within } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import type { StoredComplaint, Tables, TextRow } from './tables.ts'

export type NewComplaint = Omit<StoredComplaint, 'id'>
/** Seals a text for its place. */
export type Sealed = (position: number) => Pick<TextRow, 'key_id' | 'content'>
type NewText = Pick<TextRow, 'written_by' | 'author' | 'asked_id' | 'written_at'> & { sealed: Sealed }
/** Tells of what was done to a complaint. */
export type Told = (complaint: StoredComplaint, within: Within) => Promise<void>
type Own = { subsystem: string; subjects: string[] }

type Erasure = {
  closed: string
  storms: string
  erased(complaints: number, within: Within): Promise<unknown>
}

type DayBounds = { perClientDay: number; perDay: number; since: string }

/** Of one person within a day. */
const PER_PERSON_DAY = 5
const MOST_OPEN = 20_000
/** In one complaint. */
const MOST_BY_PERSON = 20
const MOST_BY_AGENCY = 50
const MOST_TOLD = 100

export type ComplaintStore = ReturnType<typeof createComplaintStore>

export function createComplaintStore(database: Database) {
  const tables = tablesOf<Tables>(database)
  return {
    /**
     * Throws `too_many_requests` when no complaint of this client is taken today. It is asked before anything
     * costs time.
     */
    checkDay: (client: string, q: DayBounds): Promise<void> => checkDay(tables, client, q),

    /**
     * Returns the case that a repetition of its message opened. Throws `conflict` while a case of the person
     * on the same use is open, `too_many_requests`. `opening` runs in the same transaction.
     */
    open: (
      row: NewComplaint,
      text: NewText,
      q: DayBounds & { subjects: string[]; opening(within: Within): Promise<unknown> },
    ): Promise<{ complaint: StoredComplaint; isNew: boolean }> =>
      inTransaction(tables, async (transaction) => {
        await lockFor(transaction, 'tracker complaints')
        const mine = transaction
          .selectFrom('complaint')
          .where('subsystem', '=', row.subsystem)
          .where('subject', 'in', q.subjects)
        const ofUse = await mine.selectAll().where('record', '=', row.record).execute()
        const same = ofUse.find((one) => one.asked_by === row.asked_by && one.asked_id === row.asked_id)
        if (same !== undefined) return { complaint: same, isNew: false }
        const open = ofUse.find(({ state }) => state !== 'closed')
        if (open !== undefined)
          throw new Fault('conflict', { what: `the complaint ${open.number} on this use is open: add to it` })
        const today = await mine
          .select(({ fn }) => fn.countAll<number>().as('count'))
          .where('opened_at', '>', q.since)
          .executeTakeFirstOrThrow()
        if (Number(today.count) >= PER_PERSON_DAY)
          throw new Fault('too_many_requests', { what: `${PER_PERSON_DAY} complaints of a person a day` })
        await checkDay(transaction, row.asked_by, q)
        const waiting = await transaction
          .selectFrom('complaint')
          .select(({ fn }) => fn.countAll<number>().as('count'))
          .where('state', '!=', 'closed')
          .executeTakeFirstOrThrow()
        if (Number(waiting.count) >= MOST_OPEN)
          throw new Fault('too_many_requests', { what: `${MOST_OPEN} complaints are open` })
        await q.opening(transaction)
        const complaint = await transaction
          .insertInto('complaint')
          .values(row)
          .returningAll()
          .executeTakeFirstOrThrow()
        await insertText(transaction, complaint, text, 0)
        return { complaint, isNew: true }
      }),

    /** A complaint that was refused because there were too many: one row for each client and day. */
    countRefused: async (day: string, client: string): Promise<void> => {
      await tables
        .insertInto('complaint_storm')
        .values({ day, client, refused: 1 })
        .onConflict((conflict) =>
          conflict
            .columns(['day', 'client'])
            .doUpdateSet((is) => ({ refused: is('complaint_storm.refused', '+', 1) })),
        )
        .execute()
    },

    /** Newest first. */
    ofPerson: async ({ subsystem, subjects }: Own): Promise<StoredComplaint[]> =>
      subjects.length === 0
        ? []
        : tables
            .selectFrom('complaint')
            .selectAll()
            .where('subsystem', '=', subsystem)
            .where('subject', 'in', subjects)
            .orderBy('id', 'desc')
            .limit(MOST_TOLD)
            .execute(),
    /** Throws `not_found` alike for what is not there and what is another person's. */
    findOwn: async (number: string, { subsystem, subjects }: Own): Promise<StoredComplaint> => {
      const found = await tables
        .selectFrom('complaint')
        .selectAll()
        .where('number', '=', number)
        .where('subsystem', '=', subsystem)
        .executeTakeFirst()
      if (found === undefined || !subjects.includes(found.subject))
        throw new Fault('not_found', { what: 'there is no such complaint among yours' })
      return found
    },
    textsOf: (ids: number[]): Promise<TextRow[]> =>
      ids.length === 0
        ? Promise.resolve([])
        : tables
            .selectFrom('complaint_text')
            .selectAll()
            .where('complaint', 'in', ids)
            .orderBy('complaint')
            .orderBy('position')
            .execute(),

    /**
     * Adds a text, and changes the complaint with it. A text of a message that is repeated is there once.
     * Throws `conflict` when the complaint is closed or long enough. `told` runs in the same transaction,
     * unless it is a repetition.
     */
    write: (
      id: number,
      text: NewText | undefined,
      changeOf: (now: StoredComplaint) => Partial<NewComplaint>,
      told?: Told,
    ): Promise<StoredComplaint> =>
      inTransaction(tables, async (transaction) => {
        await lockFor(transaction, 'tracker complaints')
        const now = await transaction
          .selectFrom('complaint')
          .selectAll()
          .where('id', '=', id)
          .executeTakeFirstOrThrow()
        const before = await transaction
          .selectFrom('complaint_text')
          .select(['written_by', 'asked_id'])
          .where('complaint', '=', id)
          .execute()
        const isRepeated = ({ asked_id: of }: Pick<TextRow, 'asked_id'>): boolean =>
          text !== undefined && text.asked_id !== '' && text.asked_id === of
        if (before.some(isRepeated)) return now
        if (now.state === 'closed') throw new Fault('conflict', { what: `${now.number} is closed` })
        if (text !== undefined) {
          const most = text.written_by === 'person' ? MOST_BY_PERSON : MOST_BY_AGENCY
          if (before.filter(({ written_by: by }) => by === text.written_by).length >= most)
            throw new Fault('conflict', { what: `a complaint has at most ${most} texts of one side` })
          await insertText(transaction, now, text, before.length)
        }
        const changed = await transaction
          .updateTable('complaint')
          .set(changeOf(now))
          .where('id', '=', id)
          .returningAll()
          .executeTakeFirstOrThrow()
        await told?.(changed, transaction)
        return changed
      }),

    /** Once, of however many that come together. Throws `conflict` when an auditor closed it. */
    withdraw: (id: number, at: string): Promise<StoredComplaint> =>
      inTransaction(tables, (transaction) => closeWithdrawn(transaction, id, at)),

    /** An auditor reads it, for the first time or again. */
    see: async (id: number, at: string): Promise<void> => {
      await tables
        .updateTable('complaint')
        .set({ state: 'seen', seen_at: at, changed_at: at })
        .where('id', '=', id)
        .where('state', '=', 'received')
        .execute()
    },

    /**
     * Removes complaints that were closed before this time, with all that was written in them, and lines of
     * storms. `erased` runs in the same transaction, unless there were no complaints.
     */
    erase: (q: Erasure): Promise<void> => inTransaction(tables, (transaction) => eraseClosed(transaction, q)),

    sealedWith: async (id: string, most: number): Promise<number> => {
      const { rows } = await tables
        .selectFrom((is) =>
          is
            .selectFrom('complaint_text')
            .select('position')
            .where('key_id', '=', id)
            .where('content', 'is not', null)
            .limit(most)
            .as('some'),
        )
        .select(({ fn }) => fn.countAll<number>().as('rows'))
        .executeTakeFirstOrThrow()
      return Number(rows)
    },
    /** The cases stay: who gives up a key makes no complaint go. */
    dropSealedWith: async (id: string): Promise<number> => {
      const { numUpdatedRows } = await tables
        .updateTable('complaint_text')
        .set({ content: null })
        .where('key_id', '=', id)
        .where('content', 'is not', null)
        .executeTakeFirst()
      return Number(numUpdatedRows)
    },
  }
}

async function closeWithdrawn(transaction: Kysely<Tables>, id: number, at: string): Promise<StoredComplaint> {
  await lockFor(transaction, 'tracker complaints')
  const own = await transaction
    .updateTable('complaint')
    .set({ state: 'closed', closed_at: at, changed_at: at, finding: 'withdrawn' })
    .where('id', '=', id)
    .where('state', '!=', 'closed')
    .returningAll()
    .executeTakeFirst()
  if (own !== undefined) return own
  const now = await transaction
    .selectFrom('complaint')
    .selectAll()
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
  if (now.finding !== 'withdrawn') throw new Fault('conflict', { what: `${now.number} is closed` })
  return now
}

async function eraseClosed(transaction: Kysely<Tables>, q: Erasure): Promise<void> {
  await transaction.deleteFrom('complaint_storm').where('day', '<', q.storms).execute()
  const gone = transaction
    .selectFrom('complaint')
    .select('id')
    .where('state', '=', 'closed')
    .where('closed_at', '<', q.closed)
  await transaction.deleteFrom('complaint_text').where('complaint', 'in', gone).execute()
  const { numDeletedRows } = await transaction
    .deleteFrom('complaint')
    .where('state', '=', 'closed')
    .where('closed_at', '<', q.closed)
    .executeTakeFirst()
  if (numDeletedRows > 0n) await q.erased(Number(numDeletedRows), transaction)
}

async function checkDay(
  tables: Kysely<Tables>,
  client: string,
  { perClientDay, perDay, since }: DayBounds,
): Promise<void> {
  const rows = await tables
    .selectFrom('complaint')
    .select(['asked_by', ({ fn }) => fn.countAll<number>().as('count')])
    .where('opened_at', '>', since)
    .groupBy('asked_by')
    .execute()
  const counts = new Map(rows.map(({ asked_by, count }) => [asked_by, Number(count)]))
  if ((counts.get(client) ?? 0) >= perClientDay)
    throw new Fault('too_many_requests', { what: `${perClientDay} complaints of a client a day` })
  if ([...counts.values()].reduce((sum, count) => sum + count, 0) >= perDay)
    throw new Fault('too_many_requests', { what: `${perDay} complaints a day` })
}

async function insertText(
  transaction: Kysely<Tables>,
  { id }: Pick<StoredComplaint, 'id'>,
  { sealed, ...text }: NewText,
  position: number,
): Promise<void> {
  await transaction
    .insertInto('complaint_text')
    .values({ ...text, complaint: Number(id), position, ...sealed(position) })
    .execute()
}
