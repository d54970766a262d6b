/** The rows of subscriptions: where each stands in the sequence of its type, and which node works on it. */
import { type Kysely, sql } from 'kysely'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import {
  type Due,
  dueOf,
  LIVE,
  type StoredSubscription,
  subscriptionOf,
  subscriptionReads,
} from './subscription-reads-store.ts'
import type { SubscriptionRow, SubscriptionState, Tables } from './tables.ts'
import { lockType } from './type-store.ts'

export type SubscriptionStore = ReturnType<typeof createSubscriptionStore>

/** What a subscription without a claim has. */
const FREE = { claimed_by: '', claimed_until: '' }
const MOST = 10_000
/** Of one subscriber for one type: each to an inbox of its own. */
const MOST_OF_ONE = 100

type New = Pick<
  SubscriptionRow,
  | 'type'
  | 'room'
  | 'subscriber'
  | 'inbox'
  | 'filters'
  | 'contract'
  | 'cursor'
  | 'record'
  | 'secrecy'
  | 'created_at'
  | 'changed_at'
>
type Change = Partial<
  Pick<
    SubscriptionRow,
    | 'state'
    | 'error'
    | 'about'
    | 'cursor'
    | 'given'
    | 'filter_errors'
    | 'reused'
    | 'failures'
    | 'due_at'
    | 'changed_at'
    | 'secrecy'
  >
>

export function createSubscriptionStore(database: Database) {
  const tables = tablesOf<Tables>(database)
  const isPostgresql = database.dialect === 'postgresql'

  return {
    /**
     * Adds a subscription, in the place of one that ended; or finds the one of this subscriber for this type
     * and inbox. It begins at `cursor`, or behind what the type no longer has. Throws `not_found` for a type
     * that is gone, `conflict` for too many of them.
     */
    add: (row: New): Promise<{ subscription: StoredSubscription; isNew: boolean }> =>
      inTransaction(tables, async (transaction) => {
        await lockType(transaction, row.type)
        const cursor = Math.max(row.cursor, await startOf(transaction, row.type))
        const same = await transaction
          .selectFrom('room_subscription')
          .selectAll()
          .where('type', '=', row.type)
          .where('subscriber', '=', row.subscriber)
          .where('inbox', '=', row.inbox)
          .executeTakeFirst()
        if (same !== undefined && same.state !== 'ended')
          return { subscription: subscriptionOf(same), isNew: false }
        if (same !== undefined) await removeOne(transaction, Number(same.id))
        await checkRoomFor(transaction, row)
        const added = await transaction
          .insertInto('room_subscription')
          .values({
            ...{ ...row, ...FREE, cursor, state: 'active', error: '', given: 0, filter_errors: 0, reused: 0 },
            about: '',
            ...{ failures: 0, due_at: '' },
          })
          .returningAll()
          .executeTakeFirstOrThrow()
        await reopen(transaction, { type: row.type, cursor })
        return { subscription: subscriptionOf(added), isNew: true }
      }),

    ...subscriptionReads(database),

    /**
     * Claims subscriptions to an inbox for which there is something to do: active ones of a type that stand
     * before its last event, or suspended ones that are to be tried again.
     */
    claim: async (q: {
      of: Due
      token: string
      now: string
      until: string
      limit: number
    }): Promise<StoredSubscription[]> => {
      const rows = await tables
        .with('due', (on) => {
          const due = dueOf(on, q.of, q.now).limit(q.limit)
          return isPostgresql ? due.forUpdate().skipLocked() : due
        })
        .updateTable('room_subscription')
        .set({ claimed_by: q.token, claimed_until: q.until })
        .where('id', 'in', (row) => row.selectFrom('due').select('due.id'))
        .returningAll()
        .execute()
      return rows.map(subscriptionOf)
    },
    /**
     * Writes what the holder of a claim has done; false when the claim is another's by now, or somebody ended
     * the subscription. How it stands from now on is written only if nobody has said otherwise since it was
     * read: who stopped it, or resumed it, is not overruled.
     */
    moved: (
      { id, type, state: before, changed_at: changedAt, claimed_by: token }: StoredSubscription,
      { cursor, given, filter_errors, reused, secrecy, ...standing }: Change,
    ): Promise<boolean> =>
      inTransaction(tables, async (transaction) => {
        const goesOn = before === 'suspended' && standing.state === 'active'
        if (goesOn) await lockType(transaction, type)
        const moved = await transaction
          .updateTable('room_subscription')
          // The claim is written so that the row is held until the end of the transaction.
          .set({ claimed_by: token, cursor, given, filter_errors, reused, secrecy })
          .where('id', '=', id)
          .where('claimed_by', '=', token)
          .where('state', 'in', LIVE)
          .returning(['cursor', 'state', 'changed_at'])
          .executeTakeFirst()
        if (moved === undefined) return false
        if (moved.state !== before || moved.changed_at !== changedAt || Object.keys(standing).length === 0)
          return true
        await transaction.updateTable('room_subscription').set(standing).where('id', '=', id).execute()
        // While it was suspended, the type did not wait for it.
        if (goesOn) await reopen(transaction, { type, cursor: Number(moved.cursor) })
        return true
      }),
    release: async (id: number, token: string): Promise<void> => {
      await tables
        .updateTable('room_subscription')
        .set(FREE)
        .where('id', '=', id)
        .where('claimed_by', '=', token)
        .execute()
    },
    /** Claims of a process that is no more. */
    free: async (tokens: string): Promise<void> => {
      await tables
        .updateTable('room_subscription')
        .set(FREE)
        .where(sql<boolean>`substr(claimed_by, 1, ${tokens.length}) = ${tokens}`)
        .execute()
    },

    /**
     * A new filter, or a state that a person or a subscriber wants. False when it is not in one of the states
     * `from`.
     */
    change: (
      { id, type }: Pick<StoredSubscription, 'id' | 'type'>,
      change: Partial<
        Pick<
          SubscriptionRow,
          'filters' | 'contract' | 'record' | 'secrecy' | 'state' | 'error' | 'about' | 'due_at' | 'failures'
        >
      > & { changed_at: string },
      from: readonly SubscriptionState[],
    ): Promise<boolean> =>
      inTransaction(tables, async (transaction) => {
        await lockType(transaction, type)
        const changed = await transaction
          .updateTable('room_subscription')
          .set(change)
          .where('id', '=', id)
          .where('state', 'in', from)
          .returning(['cursor'])
          .executeTakeFirst()
        if (changed === undefined) return false
        if (change.state === 'active') await reopen(transaction, { type, cursor: Number(changed.cursor) })
        if (change.state === 'ended')
          await transaction.deleteFrom('room_pull').where('subscription', '=', id).execute()
        return true
      }),
    remove: (id: number): Promise<void> => inTransaction(tables, (transaction) => removeOne(transaction, id)),
    /** Removes subscriptions that an operator ended before a time. */
    forget: async (before: string): Promise<void> => {
      await tables
        .deleteFrom('room_subscription')
        .where('state', '=', 'ended')
        .where('changed_at', '<', before)
        .execute()
    },
  }
}

/**
 * The sequence before the first event that the type has. Under the lock of the type: what expired before this
 * commit is not missed, and whatever expires afterwards finds the subscription.
 */
async function startOf(transaction: Kysely<Tables>, type: number): Promise<number> {
  const row = await transaction
    .selectFrom('room_type')
    .select([
      'last',
      ({ selectFrom }) =>
        selectFrom('room_event')
          .select(({ fn }) => fn.min('sequence').as('first'))
          .where('type', '=', type)
          .as('first'),
    ])
    .where('id', '=', type)
    .executeTakeFirst()
  if (row === undefined) throw new Fault('not_found', { what: say`this event type` })
  return row.first === null ? Number(row.last) : Number(row.first) - 1
}

async function checkRoomFor(
  transaction: Kysely<Tables>,
  { type, subscriber }: Pick<New, 'type' | 'subscriber'>,
): Promise<void> {
  const { rows, own } = await transaction
    .selectFrom('room_subscription')
    .select(({ fn }) => [
      fn.countAll<number>().as('rows'),
      fn.sum<number>(sql`case when subscriber = ${subscriber} then 1 else 0 end`).as('own'),
    ])
    .where('type', '=', type)
    .executeTakeFirstOrThrow()
  if (Number(rows) >= MOST)
    throw new Fault('conflict', { what: say`an event type has at most ${MOST} subscriptions` })
  if (Number(own ?? 0) >= MOST_OF_ONE)
    throw new Fault('conflict', {
      what: say`a subsystem has at most ${MOST_OF_ONE} subscriptions to an event type`,
    })
}

async function removeOne(transaction: Kysely<Tables>, id: number): Promise<void> {
  await transaction.deleteFrom('room_pull').where('subscription', '=', id).execute()
  await transaction.deleteFrom('room_subscription').where('id', '=', id).execute()
}

/** The job looks at the type again from where this subscription stands. */
async function reopen(
  transaction: Kysely<Tables>,
  { type, cursor }: { type: number; cursor: number },
): Promise<void> {
  await transaction
    .updateTable('room_type')
    .set({ spread: cursor })
    .where('id', '=', type)
    .where('spread', '>', cursor)
    .execute()
}
