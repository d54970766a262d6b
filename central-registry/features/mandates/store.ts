/**
 * Rows of hosting mandates, the policy that requires them, and the mandate that covers a request, read within
 * the transaction that decides about it.
 */

import type { Kysely } from 'kysely'
import type { Clock } from '#platform/clock.ts'
import { tablesOf, type Within } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import { idText, parseClientId, parseMemberId } from '#schemas/identifiers.ts'
import type { RequestSubject } from '#schemas/management-request.ts'
import { say } from '#schemas/said.ts'
import { type Change, contains, counted, mustBe, type Page, type Tabled } from '../../changes/store.ts'
import { mustBeRegistered } from '../../members/store.ts'
import type { HostingMandateRow, RegisterTables } from '../../register/tables.ts'
import { checkListedSpace, createSpaceFinding } from './listed-space-store.ts'
import {
  covers,
  dueNotice,
  hostedBy,
  type Mandate,
  type MandateState,
  memberOfClient,
  NOTICE_DAYS,
} from './rules.ts'
import type { Tables } from './tables.ts'

export type MandateStore = ReturnType<typeof createMandateStore>
type Filter = {
  q?: string | undefined
  member?: string | undefined
  state?: MandateState | undefined
}

const REQUIRED = 'hostingMandateRequired'
const DAY_MS = 86_400_000

export function mandateOf(row: HostingMandateRow): Mandate {
  return { host: row.host, client: row.client, validUntil: row.valid_until, endedAt: row.ended_at }
}

/** The mandate that covers this client and ends last. */
async function mandateFor(
  kysely: Kysely<RegisterTables>,
  q: { host: string; client: string },
  now: string,
): Promise<{ required: boolean; mandate: { id: number; validUntil: string } | undefined }> {
  const rows = await kysely
    .selectFrom('hosting_mandate')
    .selectAll()
    .where('host', '=', q.host)
    .where('member', '=', memberOfClient(q.client))
    .where('ended_at', 'is', null)
    .orderBy('valid_until', 'desc')
    .execute()
  const found = rows.find((row) => covers(mandateOf(row), q, now))
  return {
    required: await isRequired(kysely),
    mandate: found && { id: Number(found.id), validUntil: found.valid_until },
  }
}

/**
 * The client that a request hosts, whether that needs a mandate here, and the mandate that covers it;
 * undefined when the request hosts nobody. `uncovered` are those that the request hosts without the mandate
 * that this instance requires: a new owner takes over every client of its server.
 */
export async function hostingOf(
  kysely: Kysely<RegisterTables>,
  { subject, signers }: { subject: RequestSubject; signers: string[] },
  now: string,
) {
  const hosted = hostedBy(subject, signers)
  const hosting = hosted && { ...hosted, ...(await mandateFor(kysely, hosted, now)) }
  const taken = (await isRequired(kysely)) ? await takenOver(kysely, subject) : []
  const uncovered: { host: string; client: string }[] = []
  for (const one of hosting?.required === true ? [hosting] : taken) {
    const { mandate } = await mandateFor(kysely, one, now)
    if (mandate === undefined) uncovered.push({ host: one.host, client: one.client })
  }
  return { hosting, uncovered }
}

/** The clients of other members that a new owner of the server would host. */
async function takenOver(
  kysely: Kysely<RegisterTables>,
  { kind, server, newOwner }: RequestSubject,
): Promise<{ host: string; client: string }[]> {
  if (kind !== 'ownerChange' || newOwner === undefined) return []
  const rows = await kysely
    .selectFrom('server_client')
    .select('client')
    .where('server', '=', server)
    .orderBy('client')
    .execute()
  return rows
    .filter(({ client }) => memberOfClient(client) !== newOwner)
    .map(({ client }) => ({ host: newOwner, client }))
}

async function isRequired(kysely: Kysely<RegisterTables>): Promise<boolean> {
  const row = await kysely
    .selectFrom('system_parameter')
    .select('value')
    .where('name', '=', REQUIRED)
    .executeTakeFirst()
  return row?.value === 'true'
}

/** `notify` records within the same transaction that both members are to be notified. */
export function createMandateStore(
  database: Tabled,
  record: Change<Tables>,
  notify: (transaction: Within, row: HostingMandateRow, event: string) => Promise<void>,
  clock: Clock,
) {
  const tables = tablesOf<Tables>(database)
  const where = ({ q = '', member, state }: Filter, now: string) =>
    tables
      .selectFrom('hosting_mandate')
      .$if(q !== '', (query) =>
        query.where(({ or }) =>
          or([contains(q, { id: 'host', text: 'host' }), contains(q, { id: 'client', text: 'client' })]),
        ),
      )
      .$if(member !== undefined, (query) =>
        query.where(({ or, eb }) => or([eb('host', '=', member!), eb('member', '=', member!)])),
      )
      .$if(state === 'inForce', (query) => query.where('ended_at', 'is', null).where('valid_until', '>', now))
      .$if(state === 'ended', (query) =>
        query.where(({ or, eb }) => or([eb('ended_at', 'is not', null), eb('valid_until', '<=', now)])),
      )
  const find = async (kysely: Kysely<Tables>, id: number): Promise<HostingMandateRow> =>
    mustBe(
      `the hosting mandate ${id}`,
      await kysely.selectFrom('hosting_mandate').selectAll().where('id', '=', id).executeTakeFirst(),
    )

  async function end(
    transaction: Kysely<Tables>,
    row: HostingMandateRow,
    by: { at: string; by: string },
  ): Promise<HostingMandateRow> {
    const ended = { ended_at: by.at, ended_by: by.by }
    await transaction.updateTable('hosting_mandate').set(ended).where('id', '=', row.id).execute()
    await notify(transaction, row, 'ended')
    return { ...row, ...ended }
  }

  return {
    isRequired: () => isRequired(tables),
    setRequired: (required: boolean) =>
      record(async (transaction) => {
        const row = { name: REQUIRED, value: String(required) }
        await transaction
          .insertInto('system_parameter')
          .values(row)
          .onConflict((conflict) => conflict.column('name').doUpdateSet({ value: row.value }))
          .execute()
      }),
    find: (id: number) => find(tables, id),
    /** How much of their place in the lists of servers the mandates take. */
    finding: createSpaceFinding(tables, clock),
    /**
     * Host and client are in their text form. Throws `not_found` when one is not registered, `conflict` when
     * another mandate already covers the client for as long, `hosting_mandates_full`.
     */
    add: (one: Omit<Mandate, 'endedAt'>, { by, at }: { by: string; at: string }) =>
      record(async (transaction) => {
        await mustBeRegistered(transaction, parseMemberId(one.host))
        await mustBeRegistered(transaction, parseClientId(one.client))
        const { mandate } = await mandateFor(transaction, one, at)
        if (mandate !== undefined && mandate.validUntil >= one.validUntil)
          throw new Fault('conflict', { what: say`the hosting mandate ${mandate.id} covers this already` })
        const member = memberOfClient(one.client)
        const row = {
          ...{ host: one.host, client: idText(parseClientId(one.client)), valid_until: one.validUntil },
          ...{ member, created_at: at, created_by: by },
          ...{ ended_at: null, ended_by: null },
        }
        await checkListedSpace(transaction, row, at)
        const { id } = await transaction
          .insertInto('hosting_mandate')
          .values(row)
          .returning('id')
          .executeTakeFirstOrThrow()
        await notify(transaction, { ...row, id: Number(id) }, 'given')
        return Number(id)
      }),
    end: (id: number, by: { by: string; at: string }) =>
      record(async (transaction) => {
        const row = await find(transaction, id)
        if (row.ended_at !== null || row.valid_until <= by.at)
          throw new Fault('conflict', { what: say`the hosting mandate has ended already` })
        return end(transaction, row, by)
      }),
    /** The mandates that end last come first. */
    list: ({ offset, limit }: Pick<Page, 'offset' | 'limit'>, filter: Filter, now: string) =>
      where(filter, now)
        .selectAll()
        .orderBy('valid_until', 'desc')
        .orderBy('id', 'desc')
        .offset(offset)
        .limit(limit)
        .execute(),
    count: (filter: Filter, now: string) => counted(where(filter, now)),
    /** Notifies of mandates that end soon, and ends those whose time is over. */
    settle: (now: string): Promise<void> =>
      record(async (transaction) => {
        const soon = new Date(Date.parse(now) + NOTICE_DAYS[0] * DAY_MS).toISOString()
        const rows = await transaction
          .selectFrom('hosting_mandate')
          .selectAll()
          .where('ended_at', 'is', null)
          .where('valid_until', '<=', soon)
          .orderBy('valid_until')
          .execute()
        const notices = await transaction
          .selectFrom('hosting_mandate_notice')
          .innerJoin('hosting_mandate', 'hosting_mandate.id', 'hosting_mandate_notice.mandate')
          .select(['hosting_mandate_notice.mandate', 'hosting_mandate_notice.notice'])
          .where('hosting_mandate.ended_at', 'is', null)
          .execute()
        const givenTo = Map.groupBy(notices, ({ mandate }) => Number(mandate))
        for (const row of rows) {
          const given = new Set((givenTo.get(Number(row.id)) ?? []).map((one) => one.notice))
          const notice = dueNotice(mandateOf(row), { now, given })
          if (notice === undefined) continue
          await transaction
            .insertInto('hosting_mandate_notice')
            .values({ mandate: row.id, notice, at: now })
            .execute()
          if (notice === 'ended') await end(transaction, row, { at: row.valid_until, by: 'time' })
          else await notify(transaction, row, notice)
        }
      }),
  }
}
