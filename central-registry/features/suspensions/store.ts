/**
 * Rows of suspensions, and the single row of the list. All nodes make their changes one after the other, each
 * on the rows as they are then.
 */

import type { Kysely } from 'kysely'
import { inTransaction, tablesOf, type Within } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import type { Suspended, SuspendedKind } from '#schemas/global-configuration.ts'
import { say } from '#schemas/said.ts'
import type { Whole } from '#schemas/sent-values.ts'
import type { Act } from '../../changes/decision.ts'
import {
  type Change,
  contains,
  counted,
  countOf,
  lockRegister,
  mustBe,
  type Page,
  type Tabled,
  textContains,
} from '../../changes/store.ts'
import { acceptedIn, mustBeAccepted } from '../../configuration/restored-store.ts'
import { activeKeyIn } from '../../configuration/signing-keys/store.ts'
import type { SuspendableContracts } from '../../contract-versions/suspendable.ts'
import { IN_FORCE, isSuspendedIn, suspendedIn } from '../../register/suspended-store.ts'
import type { RegisterTables, SuspensionRow } from '../../register/tables.ts'
import { readPerDay, unconfirmedOf } from './policy-store.ts'
import { checkAllowance } from './rules.ts'

export type SuspensionStore = ReturnType<typeof createSuspensionStore>
export type SignedList = { number: number; issuedAt: string; expiresAt: string; content: string }
const TABLES = { member: 'member', subsystem: 'subsystem', server: 'security_server' } as const

type Filter = {
  states: SuspensionRow['state'][]
  /** Only suspensions of this subject. */
  of?: { kind: SuspendedKind; subject: string } | undefined
  /** A text that the subject, the reason or the contract's title contains. */
  q?: string | undefined
}

export type TellOfSuspension = (transaction: Within, row: SuspensionRow) => Promise<void>

/**
 * `change` records within the same transaction that the list has to be signed anew. `tell` notifies those
 * concerned of what was suspended or lifted.
 */
export function createSuspensionStore(
  database: Tabled,
  change: Change,
  { contracts, tell }: { contracts: SuspendableContracts; tell: TellOfSuspension },
) {
  const tables = tablesOf<RegisterTables>(database)

  const find = async (id: number, kysely: Kysely<RegisterTables> = tables): Promise<SuspensionRow> =>
    mustBe(
      `the suspension ${id}`,
      await kysely.selectFrom('suspension').selectAll().where('id', '=', id).executeTakeFirst(),
    )

  const update = async (
    transaction: Kysely<RegisterTables>,
    id: number,
    values: Partial<SuspensionRow>,
  ): Promise<SuspensionRow> => {
    await transaction.updateTable('suspension').set(values).where('id', '=', id).execute()
    return find(id, transaction)
  }

  const where = ({ states, of, q = '' }: Filter) =>
    tables
      .selectFrom('suspension')
      .where('state', 'in', states)
      .$if(of !== undefined, (query) => query.where('kind', '=', of!.kind).where('subject', '=', of!.subject))
      .$if(q !== '', (query) =>
        query.where(({ or, eb, selectFrom }) =>
          or([
            contains(q, { id: 'subject', text: 'reason' }),
            eb(
              'subject',
              'in',
              selectFrom('contract_version').select('contract').where(textContains('title', q)),
            ),
          ]),
        ),
      )

  const told = async (transaction: Kysely<RegisterTables>, row: SuspensionRow): Promise<SuspensionRow> => {
    await tell(transaction, row)
    return row
  }

  return {
    find: (id: number) => find(id),
    /**
     * Suspends a subject. Throws `not_found` for one that is not registered, `conflict` for one that is
     * suspended already or when a limit is reached.
     */
    suspend: (
      q: { kind: SuspendedKind; subject: string; reason: string; maker: string | null; hash?: string },
      { by, at, words }: Act,
    ) =>
      change(async (transaction) => {
        const { hash, ...values } = q
        const { kind, subject, reason, maker } = values
        if (kind === 'contract') {
          const named = { contract: subject, reason, ...(hash === undefined ? {} : { hash }) }
          await contracts.suspend(transaction, named, { by: words, at })
        } else if (kind !== 'certificate' && (await countOf(transaction, TABLES[kind], 'id', subject)) === 0)
          // The registry knows only authentication certificates, so the digest of a signing certificate is
          // accepted unchecked.
          throw new Fault('not_found', { what: say`the ${kind} ${subject}` })
        if (await isSuspendedIn(transaction, kind, subject))
          throw new Fault('conflict', { what: say`the ${kind} ${subject} is suspended already` })
        checkAllowance({
          inForce: await counted(transaction.selectFrom('suspension').where('state', 'in', IN_FORCE)),
          perDay: await readPerDay(transaction),
          unconfirmedToday: await unconfirmedOf(transaction, maker ?? by.id, at),
        })
        const { id } = await transaction
          .insertInto('suspension')
          .values({
            ...values,
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
    /** `check` throws when this act is not allowed; it gets the row as it is within the transaction. */
    confirm: (
      id: number,
      check: (row: SuspensionRow, within: Within) => Promise<void>,
      { by, at, words }: Act,
    ) =>
      change(async (transaction) => {
        const row = await find(id, transaction)
        await check(row, transaction)
        if (row.kind === 'contract') await contracts.confirm(transaction, row.subject, { by: words, at })
        const confirmed = { confirmed_at: at, confirmed_by: by.id, confirmed_by_name: by.name }
        return update(transaction, id, { state: 'confirmed', ...confirmed })
      }),
    lift: (id: number, check: (row: SuspensionRow) => void, act: Act) =>
      change(async (transaction) => {
        const row = await find(id, transaction)
        check(row)
        if (row.kind === 'contract') {
          const q = { contract: row.subject, isSuspended: true }
          await contracts.resume(transaction, q, { by: act.words, at: act.at })
        }
        return told(transaction, await update(transaction, id, lifted(act)))
      }),
    /** Resumes the contract whose content with this hash the administrator has read. */
    liftContract: (contract: string, hash: string, act: Act) =>
      change(async (transaction) => {
        const row = await newestOf(transaction, contract)
        const isSuspended = row !== undefined && row.state !== 'lifted'
        await contracts.resume(transaction, { contract, hash, isSuspended }, { by: act.words, at: act.at })
        if (isSuspended) await told(transaction, await update(transaction, row.id, lifted(act)))
      }),
    /** The newest suspension of a contract, lifted or not. */
    ofContract: (contract: string): Promise<SuspensionRow | undefined> => newestOf(tables, contract),
    /** The title of the newest version of each of these contracts. */
    async titles(contracts: string[]): Promise<Map<string, string>> {
      if (contracts.length === 0) return new Map()
      const rows = await tables
        .selectFrom('contract_version')
        .select(['contract', 'title'])
        .where('contract', 'in', contracts)
        .orderBy('version')
        .execute()
      return new Map(rows.map(({ contract, title }) => [contract, title]))
    },
    /**
     * Suspends again, within the acceptance of a restored register by two persons, what was suspended when it
     * was lost. A subject that is not registered any more is suspended as well.
     */
    async suspendAgain(
      transaction: Kysely<RegisterTables>,
      suspended: readonly Suspended[],
      { by, at, words }: Act,
      second: Act['by'] | undefined,
    ): Promise<void> {
      const reason = 'in force when the register was lost that an older backup replaces'
      for (const { kind, id, since } of suspended) {
        if (kind === 'contract')
          await contracts.suspend(transaction, { contract: id, reason }, { by: words, at }).catch(unlessFault)
        const values = {
          ...{ kind, subject: id, reason, maker: null, suspended_at: since },
          ...{ suspended_by: by.id, suspended_by_name: by.name, ...NOT_YET },
        }
        const confirmed = second && {
          confirmed_at: at,
          confirmed_by: second.id,
          confirmed_by_name: second.name,
        }
        await transaction
          .insertInto('suspension')
          .values({ ...values, ...confirmed, state: second === undefined ? 'unconfirmed' : 'confirmed' })
          .execute()
      }
    },
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
    list: ({ offset, limit, ...filter }: Page & Filter): Promise<SuspensionRow[]> =>
      where(filter).selectAll().orderBy('id', 'desc').offset(offset).limit(limit).execute(),
    count: (filter: Filter): Promise<Whole> => counted(where(filter)),
    ...createListRow(tables),
  }
}

/** The single row of the signed list. */
function createListRow(tables: Kysely<RegisterTables>) {
  return {
    newestList: () => listIn(tables),
    activeKey: () => activeKeyIn(tables),
    /**
     * Stores the list that `make` signs for the suspensions in force at this moment; nothing when `make`
     * returns undefined.
     */
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
        await mustBeAccepted(transaction)
        const instance = await transaction
          .selectFrom('system_parameter')
          .select('value')
          .where('name', '=', 'instance')
          .executeTakeFirst()
        const signed = await make({
          suspended: await suspendedIn(transaction),
          last: Math.max(
            (await listIn(transaction))?.number ?? 0,
            (await acceptedIn(transaction)).suspensionList,
          ),
          instance: instance?.value,
          signingKey: await activeKeyIn(transaction),
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

function newestOf(kysely: Kysely<RegisterTables>, contract: string): Promise<SuspensionRow | undefined> {
  return kysely
    .selectFrom('suspension')
    .selectAll()
    .where('kind', '=', 'contract')
    .where('subject', '=', contract)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst()
}

function lifted({ by, at }: Act): Partial<SuspensionRow> {
  return { state: 'lifted', lifted_at: at, lifted_by: by.id, lifted_by_name: by.name }
}

async function listIn(kysely: Kysely<RegisterTables>): Promise<SignedList | undefined> {
  const row = await kysely.selectFrom('suspension_list').selectAll().where('id', '=', 1).executeTakeFirst()
  if (row === undefined) return undefined
  return { number: row.number, issuedAt: row.issued_at, expiresAt: row.expires_at, content: row.content }
}

/**
 * A contract that is not in force, or that the restored register does not know, is still suspended by its id.
 */
function unlessFault(thrown: unknown): void {
  if (!(thrown instanceof Fault)) throw thrown
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
