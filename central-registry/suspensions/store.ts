/** Rows of suspensions and the one row of the list. Every act runs alone among all nodes, on the rows as they are then. */
import type { Kysely } from 'kysely'
import { inTransaction, tablesOf } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import type { SuspendedKind } from '#schemas/global-configuration.ts'
import type { SuspensionRow, Tables } from '../migrations/tables.ts'
import { type Change, counted, countOf, lockRegister, mustBe, type Page, type Tabled } from '../store.ts'
import { checkAllowance, dayBefore } from './rules.ts'

export type SuspensionStore = ReturnType<typeof createSuspensionStore>
export type SignedList = { number: number; issuedAt: string; expiresAt: string; content: string }
/** Who acts, and when. */
type Act = { by: { id: string; name: string }; at: string }

const IN_FORCE: SuspensionRow['state'][] = ['unconfirmed', 'confirmed']
const TABLES = { member: 'member', subsystem: 'subsystem', server: 'security_server' } as const

/**
 * `change` announces within the same transaction that the list has to be signed anew; `tell` what was suspended or lifted, to
 * those whom it concerns.
 */
export function createSuspensionStore(
  database: Tabled,
  change: Change,
  tell: (transaction: Kysely<unknown>, row: SuspensionRow) => Promise<void>,
) {
  const tables = tablesOf<Tables>(database)

  const find = async (id: number, kysely: Kysely<Tables> = tables): Promise<SuspensionRow> =>
    mustBe(
      `the suspension ${id}`,
      await kysely.selectFrom('suspension').selectAll().where('id', '=', id).executeTakeFirst(),
    )

  const update = async (
    transaction: Kysely<Tables>,
    id: number,
    values: Partial<SuspensionRow>,
  ): Promise<SuspensionRow> => {
    await transaction.updateTable('suspension').set(values).where('id', '=', id).execute()
    return find(id, transaction)
  }

  const told = async (transaction: Kysely<Tables>, row: SuspensionRow): Promise<SuspensionRow> => {
    await tell(transaction as unknown as Kysely<unknown>, row)
    return row
  }

  return {
    find: (id: number) => find(id),
    /** Throws `not_found` for a subject that is not registered, `conflict` for one that is suspended, and beyond the bounds. */
    suspend: (
      q: { kind: SuspendedKind; subject: string; reason: string; maker: string | null },
      { by, at }: Act,
    ) =>
      change(async (transaction) => {
        // The registry knows authentication certificates only: a signing certificate is taken at its word.
        if (q.kind !== 'certificate' && (await countOf(transaction, TABLES[q.kind], 'id', q.subject)) === 0)
          throw new Fault('not_found', { what: `the ${q.kind} ${q.subject}` })
        const inForce = transaction.selectFrom('suspension').where('state', 'in', IN_FORCE)
        const same = inForce.where('kind', '=', q.kind).where('subject', '=', q.subject)
        if ((await counted(same)) > 0)
          throw new Fault('conflict', { what: `the ${q.kind} ${q.subject} is suspended already` })
        checkAllowance({
          inForce: await counted(inForce),
          unconfirmedToday: await counted(
            // A person and the keys that they made have one allowance.
            transaction
              .selectFrom('suspension')
              .where((where) =>
                where.or([
                  where('suspended_by', '=', q.maker ?? by.id),
                  where('maker', '=', q.maker ?? by.id),
                ]),
              )
              .where('suspended_at', '>', dayBefore(Date.parse(at)))
              .where('confirmed_at', 'is', null),
          ),
        })
        const { id } = await transaction
          .insertInto('suspension')
          .values({
            ...q,
            state: 'unconfirmed',
            suspended_at: at,
            suspended_by: by.id,
            suspended_by_name: by.name,
            ...NOT_YET,
          })
          .returning('id')
          .executeTakeFirstOrThrow()
        return told(transaction, await find(id, transaction))
      }),
    /** `check` throws unless it may be; then nobody else has decided meanwhile. */
    confirm: (id: number, check: (row: SuspensionRow) => void, { by, at }: Act) =>
      change(async (transaction) => {
        check(await find(id, transaction))
        const confirmed = { confirmed_at: at, confirmed_by: by.id, confirmed_by_name: by.name }
        return update(transaction, id, { state: 'confirmed', ...confirmed })
      }),
    lift: (id: number, check: (row: SuspensionRow) => void, { by, at }: Act) =>
      change(async (transaction) => {
        check(await find(id, transaction))
        const lifted = { lifted_at: at, lifted_by: by.id, lifted_by_name: by.name }
        return told(transaction, await update(transaction, id, { state: 'lifted', ...lifted }))
      }),
    announced: async ({ id, escalations }: SuspensionRow, at: string): Promise<void> => {
      await tables
        .updateTable('suspension')
        .set({ escalated_at: at, escalations: escalations + 1 })
        .where('id', '=', id)
        .execute()
    },
    unconfirmed: (): Promise<SuspensionRow[]> =>
      tables.selectFrom('suspension').selectAll().where('state', '=', 'unconfirmed').orderBy('id').execute(),
    /** The newest first. */
    list: ({
      states,
      offset,
      limit,
    }: Page & { states: SuspensionRow['state'][] }): Promise<SuspensionRow[]> =>
      tables
        .selectFrom('suspension')
        .selectAll()
        .where('state', 'in', states)
        .orderBy('id', 'desc')
        .offset(offset)
        .limit(limit)
        .execute(),
    count: (states: SuspensionRow['state'][]): Promise<number> =>
      counted(tables.selectFrom('suspension').where('state', 'in', states)),
    newestList: () => listIn(tables),
    /** Keeps what `make` signs of what is in force at this moment; nothing when it returns nothing. */
    sign: (
      make: (q: {
        suspended: Pick<SuspensionRow, 'kind' | 'subject' | 'suspended_at'>[]
        last: number
        instance: string | undefined
        signingKey: { id: string; certificate: Buffer } | undefined
      }) => Promise<SignedList | undefined>,
    ): Promise<SignedList | undefined> =>
      inTransaction(tables, async (transaction) => {
        await lockRegister(transaction)
        const instance = await transaction
          .selectFrom('system_parameter')
          .select('value')
          .where('name', '=', 'instance')
          .executeTakeFirst()
        const signed = await make({
          suspended: await suspendedIn(transaction),
          last: (await listIn(transaction))?.number ?? 0,
          instance: instance?.value,
          signingKey: await transaction
            .selectFrom('signing_key')
            .select(['id', 'certificate'])
            .where('is_active', '=', 1)
            .executeTakeFirst(),
        })
        if (signed === undefined) return undefined
        const { number, issuedAt, expiresAt, content } = signed
        const row = { number, issued_at: issuedAt, expires_at: expiresAt, content }
        await transaction
          .insertInto('suspension_list')
          .values({ id: 1, ...row })
          .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
          .execute()
        return signed
      }),
  }
}

/** What is suspended now, for those who judge a request in this transaction. */
export function suspendedIn(
  kysely: Kysely<Tables>,
): Promise<Pick<SuspensionRow, 'kind' | 'subject' | 'suspended_at'>[]> {
  return kysely
    .selectFrom('suspension')
    .select(['kind', 'subject', 'suspended_at'])
    .where('state', 'in', IN_FORCE)
    .orderBy('id')
    .execute()
}

async function listIn(kysely: Kysely<Tables>): Promise<SignedList | undefined> {
  const row = await kysely.selectFrom('suspension_list').selectAll().where('id', '=', 1).executeTakeFirst()
  if (row === undefined) return undefined
  return { number: row.number, issuedAt: row.issued_at, expiresAt: row.expires_at, content: row.content }
}

const NOT_YET = {
  confirmed_at: null,
  confirmed_by: null,
  confirmed_by_name: null,
  escalated_at: null,
  lifted_at: null,
  lifted_by: null,
  lifted_by_name: null,
}
