/**
 * Rows of the catalogue: when each subsystem is due, the services that it offers, their documents by hash,
 * their changes.
 */
import { createHash } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import { whereOver } from '#platform/database/where-over.ts'
import { Fault } from '#schemas/fault.ts'
import { parseSubsystemId } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import { type Change, contains, counted, orderOf, type Page } from '../../changes/store.ts'
import { keepAudiences } from './audience-store.ts'
import { serviceText } from './client.ts'
import type { Description, OfferedService } from './read-answers.ts'
import { changesOf } from './rules.ts'
import type { CatalogueServiceRow, Tables } from './tables.ts'

export type CatalogueStore = ReturnType<typeof createCatalogueStore>
export type CatalogueFilter = {
  status?: CatalogueServiceRow['status'] | undefined
  memberClass?: string | undefined
  provider?: string | undefined
  /** `q` is looked for in ids and titles alone: descriptions are long. */
  titlesOnly?: boolean | undefined
}
/**
 * A service as the provider offers it; `document` is undefined when it has no OpenAPI or WSDL document.
 * `isUnread`: it could not be asked for now, so what was known stays.
 */
export type FoundService = OfferedService & {
  document?: Buffer | undefined
  description: Description
  isUnread?: boolean
}

/** When a subsystem began to be asked, when it had answered, and when it is due again. */
type AskedAt = { begunAt: string; at: string; nextAt: string }
type OpenService = Pick<CatalogueServiceRow, 'id' | 'type' | 'document' | 'version'>

const COLUMNS = [
  ...(['id', 'provider', 'service_code', 'type', 'endpoints', 'contact', 'access', 'title'] as const),
  ...(['description', 'version', 'document', 'status', 'first_seen', 'last_seen', 'changed_at'] as const),
  'search',
] as const
const ORDERS = { id: 'id', title: 'title', changedAt: 'changed_at', lastSeen: 'last_seen' } as const
const HISTORY = 200

export function createCatalogueStore(database: Database, record: Change<Tables>) {
  const tables = tablesOf<Tables>(database)

  /** Subsystems that are enabled clients of some server now. */
  const providers = (kysely: Kysely<Tables>) =>
    kysely
      .selectFrom('server_client')
      .innerJoin('subsystem', 'subsystem.id', 'server_client.client')
      .where('is_disabled', '=', 0)

  async function keep(
    transaction: Kysely<Tables>,
    row: CatalogueServiceRow,
    before: CatalogueServiceRow | undefined,
  ): Promise<void> {
    if (before === undefined) {
      await transaction.insertInto('catalogue_service').values(row).execute()
      return
    }
    const changes = changesOf(before, row)
    const { id, first_seen, ...now } = row
    const changed_at = changes.length === 0 ? before.changed_at : row.last_seen
    await transaction
      .updateTable('catalogue_service')
      .set({ ...now, changed_at })
      .where('id', '=', id)
      .execute()
    for (const one of changes)
      await transaction
        .insertInto('catalogue_change')
        .values({ ...one, service: id, at: row.last_seen })
        .execute()
  }

  async function withdraw(transaction: Kysely<Tables>, ids: string[], at: string): Promise<void> {
    for (const id of ids) {
      await transaction
        .updateTable('catalogue_service')
        .set({ status: 'withdrawn', changed_at: at })
        .where('id', '=', id)
        .execute()
      await transaction
        .insertInto('catalogue_change')
        .values({ service: id, at, what: 'status', before: 'offered', after: 'withdrawn' })
        .execute()
    }
  }

  async function asked(
    transaction: Kysely<Tables>,
    subsystem: string,
    columns: Omit<Tables['catalogue_subsystem'], 'subsystem' | 'answered_at'> & { answered_at?: string },
  ): Promise<void> {
    await transaction
      .insertInto('catalogue_subsystem')
      .values({ subsystem, answered_at: null, ...columns })
      .onConflict((conflict) => conflict.column('subsystem').doUpdateSet(columns))
      .execute()
  }

  /** Another node, or a person, may have begun to ask later and be done already. */
  async function isOutdated(
    transaction: Kysely<Tables>,
    subsystem: string,
    { begunAt, at }: AskedAt,
  ): Promise<boolean> {
    const newer = await transaction
      .selectFrom('catalogue_subsystem')
      .select('subsystem')
      .where('subsystem', '=', subsystem)
      .where('asked_at', '>', begunAt)
      // What is still to come is of a clock that was set back since.
      .where('asked_at', '<=', at)
      .executeTakeFirst()
    return newer !== undefined
  }

  return {
    /** What a member's subsystems offer now to all who ask for access, at most `limit`, and how many more. */
    async openOf(member: string, limit: number): Promise<{ services: OpenService[]; more: number }> {
      const found = tables
        .selectFrom('catalogue_service')
        .innerJoin('subsystem', 'subsystem.id', 'catalogue_service.provider')
        .where('subsystem.member', '=', member)
        .where('catalogue_service.status', '=', 'offered')
        .where('catalogue_service.access', '=', JSON.stringify('everybody'))
      const rows = await found
        .select(['catalogue_service.id', 'type', 'document', 'catalogue_service.version'])
        .orderBy('catalogue_service.id')
        .limit(limit)
        .execute()
      const { all } = await found
        .select(({ fn }) => fn.countAll<number>().as('all'))
        .executeTakeFirstOrThrow()
      return { services: rows, more: Number(all) - rows.length }
    },
    /** The subsystems that are due, those that were never asked first. `longestMs`: no wait is longer. */
    async due(q: { now: string; longestMs: number; limit: number }): Promise<string[]> {
      const rows = await tables
        .selectFrom('subsystem')
        .leftJoin('catalogue_subsystem', 'catalogue_subsystem.subsystem', 'subsystem.id')
        .select('subsystem.id')
        .where('subsystem.id', 'in', providers(tables).select('subsystem.id'))
        .where(({ or, eb }) => or([eb('next_at', 'is', null), whereOver('next_at', q)]))
        .orderBy(sql`coalesce(next_at, '')`)
        .orderBy('subsystem.id')
        .limit(q.limit)
        .execute()
      return rows.map(({ id }) => id)
    },
    /** Makes all subsystems due at once. */
    askAll: (now: string) =>
      record(async (transaction) => {
        await transaction.updateTable('catalogue_subsystem').set({ next_at: now }).execute()
      }),
    /**
     * Stores what a subsystem offers now, unless what it said later is stored already. Services that it no
     * longer offers are marked as withdrawn and stay in the catalogue.
     */
    keepAnswer: (subsystem: string, services: FoundService[], q: AskedAt) =>
      record(async (transaction) => {
        if (await isOutdated(transaction, subsystem, q)) return
        const { memberCode, subsystemCode } = parseSubsystemId(subsystem)
        const before = await transaction
          .selectFrom('catalogue_service')
          .select(COLUMNS)
          .where('provider', '=', subsystem)
          .execute()
        const rows = services.map(({ type, endpoints, document, description, isUnread, ...service }) => {
          const { serviceCode } = service
          const id = serviceText(subsystem, service)
          const known = isUnread === true ? before.find((one) => one.id === id) : undefined
          return {
            ...{ id, provider: subsystem, service_code: serviceCode, type },
            endpoints: JSON.stringify(endpoints),
            contact: JSON.stringify(description.contact),
            access: JSON.stringify(description.access),
            ...{ title: description.title, description: description.description },
            version: description.version,
            document: document === undefined ? null : sha256(document),
            status: 'offered' as const,
            search: `${serviceCode} ${description.title} ${description.description} ${memberCode} ${subsystemCode}`,
            ...(known !== undefined && said(known)),
            ...{ first_seen: q.at, last_seen: q.at, changed_at: q.at },
          }
        })
        for (const row of rows) {
          await keep(
            transaction,
            row,
            before.find(({ id }) => id === row.id),
          )
        }
        for (const { document } of services)
          if (document !== undefined)
            await transaction
              .insertInto('catalogue_document')
              .values({ sha256: sha256(document), content: document })
              .onConflict((conflict) => conflict.doNothing())
              .execute()
        await keepAudiences(transaction, subsystem, rows)
        const gone = before.filter(
          ({ id, status }) => status === 'offered' && !rows.some((row) => row.id === id),
        )
        await withdraw(
          transaction,
          gone.map(({ id }) => id),
          q.at,
        )
        await forgetDocuments(transaction)
        await asked(transaction, subsystem, {
          ...{ next_at: q.nextAt, asked_at: q.begunAt, answered_at: q.at, failure: null },
        })
      }),
    /** Records a failure; the services stay as they were last seen. */
    keepFailure: (subsystem: string, failure: string, q: AskedAt) =>
      record(async (transaction) => {
        if (await isOutdated(transaction, subsystem, q)) return
        await asked(transaction, subsystem, { next_at: q.nextAt, asked_at: q.begunAt, failure })
      }),
    /** Withdraws the services of subsystems that are no longer registered at a server. */
    withdrawGone: (at: string) =>
      record(async (transaction) => {
        const rows = await transaction
          .selectFrom('catalogue_service')
          .select('id')
          .where('status', '=', 'offered')
          .where('provider', 'not in', providers(transaction).select('subsystem.id'))
          .execute()
        await withdraw(
          transaction,
          rows.map(({ id }) => id),
          at,
        )
      }),
    ...createCatalogueReading(tables),
  }
}

/** Queries for people and members' systems. */
function createCatalogueReading(tables: Kysely<Tables>) {
  const listed = (filter: CatalogueFilter & Pick<Page, 'q'>) => {
    const { q = '', status, memberClass = '', provider = '', titlesOnly = false } = filter
    const text = titlesOnly ? 'catalogue_service.title' : 'catalogue_service.search'
    return tables
      .selectFrom('catalogue_service')
      .$if(q !== '', (query) => query.where(contains(q, { id: 'catalogue_service.id', text })))
      .$if(status !== undefined, (query) => query.where('status', '=', status!))
      .$if(provider !== '', (query) => query.where('provider', '=', provider))
      .$if(memberClass !== '', (query) =>
        query.where(({ exists, selectFrom }) =>
          exists(
            selectFrom('subsystem')
              .innerJoin('member', 'member.id', 'subsystem.member')
              .select('subsystem.id')
              .whereRef('subsystem.id', '=', 'catalogue_service.provider')
              .where('member.member_class', '=', memberClass),
          ),
        ),
      )
  }

  return {
    list({ sort = 'title', offset, limit, ...filter }: Page & CatalogueFilter) {
      const { column, direction } = orderOf(sort, ORDERS)
      return listed(filter)
        .select(COLUMNS)
        .orderBy(column, direction)
        .orderBy('id')
        .offset(offset)
        .limit(limit)
        .execute()
    },
    count: (filter: CatalogueFilter & Pick<Page, 'q'>) => counted(listed(filter)),
    /** Throws `not_found`. */
    async service(id: string) {
      const row = await listed({}).select(COLUMNS).where('id', '=', id).executeTakeFirst()
      if (row === undefined) throw new Fault('not_found', { what: say`the service ${id} in the catalogue` })
      const owner = await tables
        .selectFrom('subsystem')
        .innerJoin('member', 'member.id', 'subsystem.member')
        .select(['member.id as member', 'member.name as member_name', 'subsystem.name as subsystem_name'])
        .where('subsystem.id', '=', row.provider)
        .executeTakeFirst()
      const asking = await tables
        .selectFrom('catalogue_subsystem')
        .select(['asked_at', 'answered_at', 'failure'])
        .where('subsystem', '=', row.provider)
        .executeTakeFirst()
      const changes = await tables
        .selectFrom('catalogue_change')
        .select(['at', 'what', 'before', 'after'])
        .where('service', '=', id)
        .orderBy('id', 'desc')
        .limit(HISTORY + 1)
        .execute()
      return {
        row,
        owner,
        asking,
        changes: changes.slice(0, HISTORY),
        hasOlderChanges: changes.length > HISTORY,
      }
    },
    /** Throws `not_found` when the service has no document now. */
    async document(
      id: string,
    ): Promise<Pick<CatalogueServiceRow, 'type'> & { sha256: string; content: Buffer }> {
      const row = await tables
        .selectFrom('catalogue_service')
        .innerJoin('catalogue_document', 'catalogue_document.sha256', 'catalogue_service.document')
        .select(['type', 'sha256', 'content'])
        .where('id', '=', id)
        .executeTakeFirst()
      if (row === undefined) throw new Fault('not_found', { what: say`a document of ${id}` })
      return row
    },
    /** The global groups of a registered subsystem; throws `not_found`. */
    async groupsOf(subsystem: string): Promise<string[]> {
      const known = tables.selectFrom('subsystem').where('id', '=', subsystem)
      if ((await counted(known)) === 0)
        throw new Fault('not_found', { what: say`the subsystem ${subsystem}` })
      const rows = await tables
        .selectFrom('global_group_member')
        .select('group_code')
        .where('client', '=', subsystem)
        .execute()
      return rows.map(({ group_code }) => group_code)
    },
  }
}

/** What the document of a service said. */
function said({ title, description, version, contact, access, document, search }: CatalogueServiceRow) {
  return { title, description, version, contact, access, document, search }
}

function sha256(document: Buffer): string {
  return createHash('sha256').update(document).digest('hex')
}

/** Deletes documents that no service refers to any more. */
async function forgetDocuments(transaction: Kysely<Tables>): Promise<void> {
  await sql`delete from catalogue_document where not exists (
    select 1 from catalogue_service where catalogue_service.document = catalogue_document.sha256)`.execute(
    transaction,
  )
}
