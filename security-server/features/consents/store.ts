/**
 * The truth about consents, for all nodes of a server. Guarantees that of a person, a client and a contract
 * at most the newest consent is in force.
 */
import { type CompiledQuery, type Kysely, sql } from 'kysely'
import { lockFor } from '#platform/database/dialect.ts'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import { forgetIssuers, issuersOf, type JudgedBy, keepIssuers } from './issuers-store.ts'
import type { ConsentRow, Tables } from './tables.ts'
import { type After, createUseStore } from './uses-store.ts'

export type ConsentStore = ReturnType<typeof createConsentStore>

type Key = Pick<ConsentRow, 'person' | 'client' | 'contract'>
/** Rows of one statement. */
const AT_ONCE = 500
/** Whose a consent is, to what, and how it stands. */
const STATE = [
  'number',
  'client',
  'subsystem',
  'contract',
  'demand',
  'kind',
  'uses',
  'valid_until',
  'withdrawn_at',
] as const
/** What calls are judged by. */
const JUDGED = [...STATE, 'digest', 'stretch', 'stretch_uses'] as const
type Judged = Pick<ConsentRow, (typeof JUDGED)[number]>

export function createConsentStore(database: Database) {
  const tables = tablesOf<Tables>(database)
  const { standing, last } = newestOf(tables)
  const first = async (query: CompiledQuery<Judged>, { person, client, contract }: Key) => {
    const asked = { ...query, parameters: [person, client, contract] }
    const [row] = (await tables.executeQuery<Judged>(asked)).rows
    return row && { ...row, uses: Number(row.uses), stretch_uses: Number(row.stretch_uses) }
  }

  return {
    /**
     * Stores a new consent, ends those before it, and answers the request by which the person came, if there
     * is one. Resolves to the numbers of all those before it, as a node may still hold one that was withdrawn
     * at another node. Nothing is stored when that request is not open any more, or when the wallet's
     * presentation gave a consent before.
     */
    add: (
      row: ConsentRow,
      q: {
        record: number
        request?: string | undefined
        by?: string | undefined
        /** By which a wallet's presentation was judged. */
        judgedBy?: JudgedBy | undefined
      },
    ): Promise<{ earlier: string[] } | 'not_open' | 'presented_before'> =>
      inTransaction(tables, async (transaction) => {
        // One row locks all: people do not consent by the thousand a second.
        await lockFor(transaction, 'consents')
        if (row.presented !== null) {
          const before = await transaction
            .selectFrom('consent')
            .select('number')
            .where('presented', '=', row.presented)
            .executeTakeFirst()
          if (before !== undefined) return 'presented_before'
        }
        if (q.request !== undefined) {
          const answered = await transaction
            .updateTable('consent_request')
            .set({ state: 'GIVEN', number: row.number })
            .where('request', '=', q.request)
            .where('state', '=', 'REQUESTED')
            .where('valid_until', '>', row.given_at)
            .executeTakeFirst()
          if (answered.numUpdatedRows === 0n) return 'not_open'
        }
        const earlier = await transaction
          .selectFrom('consent')
          .select('number')
          .where('person', '=', row.person)
          .where('client', '=', row.client)
          .where('contract', '=', row.contract)
          .execute()
        await transaction
          .updateTable('consent')
          .set({ withdrawn_at: row.given_at, withdrawn_record: q.record, withdrawn_by: q.by ?? null })
          .where('person', '=', row.person)
          .where('client', '=', row.client)
          .where('contract', '=', row.contract)
          .where('withdrawn_at', 'is', null)
          .execute()
        await transaction.insertInto('consent').values(row).execute()
        if (q.judgedBy !== undefined) await keepIssuers(transaction, q.judgedBy, row.valid_until)
        return { earlier: earlier.map(({ number }) => number) }
      }),
    /** The one that nothing ended, whatever the clocks said when others were given; else the last. */
    newest: async (key: Key) => (await first(standing, key)) ?? first(last, key),
    byNumber: async (number: string): Promise<ConsentRow | undefined> => {
      const row = await wholeOf(tables).where('consent.number', '=', number).executeTakeFirst()
      return row && rowOf(row)
    },
    issuers: (digest: string): Promise<string | undefined> => issuersOf(tables, digest),
    byNumbers: async (numbers: string[]) => {
      const found: Pick<ConsentRow, (typeof STATE)[number]>[] = []
      for (let at = 0; at < numbers.length; at += AT_ONCE)
        found.push(
          ...(await tables
            .selectFrom('consent')
            .select(STATE)
            .where('number', 'in', numbers.slice(at, at + AT_ONCE))
            .execute()),
        )
      return found.map((row) => ({ ...row, uses: Number(row.uses) }))
    },
    /** Newest first. */
    ofPerson: async (q: {
      person: string
      subsystem: string
      after?: After | undefined
      limit: number
    }): Promise<ConsentRow[]> => {
      let query = wholeOf(tables).where('person', '=', q.person).where('subsystem', '=', q.subsystem)
      const { after } = q
      if (after !== undefined)
        query = query.where((is) =>
          is.or([
            is('given_at', '<', after.at),
            is.and([is('given_at', '=', after.at), is('consent.number', '>', after.id)]),
          ]),
        )
      const rows = await query.orderBy('given_at', 'desc').orderBy('consent.number').limit(q.limit).execute()
      return rows.map(rowOf)
    },
    /** Does nothing to one that was withdrawn before. */
    withdraw: async (
      number: string,
      q: { at: string; record: number; by?: string | undefined },
    ): Promise<void> => {
      await tables
        .updateTable('consent')
        .set({ withdrawn_at: q.at, withdrawn_record: q.record, withdrawn_by: q.by ?? null })
        .where('number', '=', number)
        .where('withdrawn_at', 'is', null)
        .execute()
    },
    ...createUseStore(database),
    /** Of a subsystem, by contract: how many are in force, were ever given, and were withdrawn. */
    counts: async (subsystem: string, now: string) => {
      const rows = await tables
        .selectFrom('consent')
        .leftJoin('consent_calls as calls', 'calls.number', 'consent.number')
        .select(({ fn, case: when }) => [
          'contract',
          fn.countAll<number>().as('given'),
          fn.sum<number>(when().when('withdrawn_at', 'is not', null).then(1).else(0).end()).as('withdrawn'),
          fn.sum<number>(sql`consent.uses + coalesce(calls.uses, 0)`).as('calls'),
          fn
            .sum<number>(
              when()
                .when(
                  sql<boolean>`withdrawn_at is null and valid_until > ${now} and (kind = 'standing' or consent.uses = 0)`,
                )
                .then(1)
                .else(0)
                .end(),
            )
            .as('active'),
        ])
        .where('subsystem', '=', subsystem)
        .groupBy('contract')
        .orderBy('contract')
        .execute()
      return rows.map(({ contract, given, withdrawn, calls, active }) => ({
        ...{ contract, given: Number(given), withdrawn: Number(withdrawn) },
        ...{ calls: Number(calls), inForce: Number(active) },
      }))
    },
    /**
     * Removes consents that ended before this time, with what was done under them, old requests whose consent
     * is not here, and those that nobody had answered when their time was over before `unanswered`. True
     * while there are more.
     */
    forget: (before: string, unanswered: string): Promise<boolean> =>
      inTransaction(tables, async (transaction) => {
        // A consent that is just being given may rest on a list of issuers that nobody needed before.
        await lockFor(transaction, 'consents')
        const old = await transaction
          .selectFrom('consent')
          .select('number')
          .where((is) => is.or([is('withdrawn_at', '<', before), is('valid_until', '<', before)]))
          .limit(AT_ONCE)
          .execute()
        const numbers = old.map(({ number }) => number)
        if (numbers.length > 0) {
          for (const table of ['consent_use', 'consent_calls'] as const)
            await transaction.deleteFrom(table).where('number', 'in', numbers).execute()
          await transaction.deleteFrom('consent').where('number', 'in', numbers).execute()
        }
        // Of consents that another server keeps.
        await transaction
          .deleteFrom('consent_use')
          .where('client', 'is not', null)
          .where('time', '<', before)
          .execute()
        // A request has the person's code for as long as answers about its consent have it.
        await transaction
          .deleteFrom('consent_request')
          .where('valid_until', '<', before)
          .where(({ not, exists, selectFrom }) =>
            not(
              exists(
                selectFrom('consent')
                  .select('number')
                  .whereRef('consent.number', '=', 'consent_request.number'),
              ),
            ),
          )
          .execute()
        await transaction
          .deleteFrom('consent_request')
          .where('state', '=', 'REQUESTED')
          .where('valid_until', '<', unanswered)
          .execute()
        await forgetIssuers(transaction, before)
        return numbers.length === AT_ONCE
      }),
  }
}

/** Asked before calls, so their texts are made once: each for a person, a client and a contract. */
function newestOf(tables: Kysely<Tables>) {
  const of = tables
    .selectFrom('consent')
    .select(JUDGED)
    .where('person', '=', '')
    .where('client', '=', '')
    .where('contract', '=', '')
    .limit(sql.lit(1))
  return {
    standing: of.where('withdrawn_at', 'is', null).compile(),
    last: of.orderBy('given_at', 'desc').compile(),
  }
}

/** With the calls that are counted beside it. */
function wholeOf(tables: Kysely<Tables>) {
  return tables
    .selectFrom('consent')
    .leftJoin('consent_calls as calls', 'calls.number', 'consent.number')
    .selectAll('consent')
    .select(['calls.uses as more', 'calls.last_use as later'])
}

function rowOf({
  more,
  later,
  ...row
}: ConsentRow & { more: number | null; later: string | null }): ConsentRow {
  return {
    ...row,
    withdrawn_record: row.withdrawn_record === null ? null : Number(row.withdrawn_record),
    uses: Number(row.uses) + Number(more),
    last_use: later !== null && later > (row.last_use ?? '') ? later : row.last_use,
    stretch_uses: Number(row.stretch_uses),
  }
}
