/** Rows of the fleet: reports, probes, troubles with their history, reported certificates. */
import { type Kysely, sql } from 'kysely'
import { lockFor } from '#platform/database/dialect.ts'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import type { ServerReport } from '#schemas/fleet.ts'
import { say } from '#schemas/said.ts'
import { wholeNumber } from '#schemas/sent-values.ts'
import { contains, counted, orderOf, type Page } from '../../changes/store.ts'
import { takeDocument } from '../../documents/taken-store.ts'
import { keepTroubles, replaceCertificates } from './rows-store.ts'
import { type Known, type Probe, SILENT_MS, TROUBLES, type Trouble, troublesOf } from './rules.ts'
import type { Tables } from './tables.ts'

export type FleetStore = ReturnType<typeof createFleetStore>
export type FleetFilter = { trouble?: string | undefined; reporting?: 'never' | 'yes' | undefined }

const ORDERS = {
  worst: 'worst',
  id: 'security_server.id',
  version: 'version',
  reportedAt: 'reported_at',
} as const
const HISTORY = 200

export function createFleetStore(database: Database) {
  const tables = tablesOf<Tables>(database)
  /** Locks this server among all nodes. The register is not locked, so publications do not wait. */
  const withServer = <R>(server: string, act: (transaction: Kysely<Tables>) => Promise<R>): Promise<R> =>
    inTransaction(database.kysely, async (transaction) => {
      await lockFor(transaction, `fleet ${server}`)
      return act(tablesOf<Tables>({ kysely: transaction }))
    })

  async function knownOf(transaction: Kysely<Tables>, server: string): Promise<Known> {
    const row = await transaction
      .selectFrom('fleet_server')
      .selectAll()
      .where('server', '=', server)
      .executeTakeFirst()
    const certificates = await transaction
      .selectFrom('authentication_certificate')
      .select(['sha256', 'not_after'])
      .where('server', '=', server)
      .execute()
    const parsed = <T>(text: string | null | undefined): T | undefined =>
      text == null ? undefined : (JSON.parse(text) as T)
    return {
      report: parsed<ServerReport>(row?.report),
      reportedAt: row?.reported_at ?? undefined,
      probe: parsed<Probe>(row?.probe),
      registered: certificates.map(({ sha256, not_after }) => ({ sha256, notAfter: not_after })),
    }
  }

  /** Derives the server's present troubles and stores which began and which ended. */
  async function judge(transaction: Kysely<Tables>, server: string, now: number): Promise<Trouble[]> {
    const troubles = troublesOf(await knownOf(transaction, server), now)
    await keepTroubles(transaction, server, troubles, new Date(now).toISOString())
    return troubles
  }

  async function mustBeRegistered(transaction: Kysely<Tables>, server: string): Promise<string> {
    const row = await transaction
      .selectFrom('security_server')
      .select('address')
      .where('id', '=', server)
      .executeTakeFirst()
    if (row === undefined) throw new Fault('not_found', { what: say`the security server ${server}` })
    return row.address
  }

  const write = async (
    transaction: Kysely<Tables>,
    server: string,
    columns: Partial<Tables['fleet_server']>,
  ): Promise<void> => {
    const none = { created_at: null, reported_at: null, version: null, report: null }
    await transaction
      .insertInto('fleet_server')
      .values({ server, worst: 0, ...none, probed_at: null, probe: null, ...columns })
      .onConflict((conflict) => conflict.column('server').doUpdateSet(columns))
      .execute()
  }

  return {
    /**
     * Records the report's id and stores the report, unless a newer one is stored. Throws `not_found` or
     * `replayed_request`.
     */
    takeReport: (report: ServerReport, now: number) =>
      withServer(report.server, async (transaction) => {
        const { server, createdAt } = report
        await takeDocument(transaction, report, now)
        await mustBeRegistered(transaction, server)
        const before = await transaction
          .selectFrom('fleet_server')
          .select('created_at')
          .where('server', '=', server)
          .executeTakeFirst()
        if ((before?.created_at ?? '') > createdAt) return
        await write(transaction, server, {
          created_at: createdAt,
          reported_at: new Date(now).toISOString(),
          version: report.version,
          report: JSON.stringify(report),
        })
        await replaceCertificates(transaction, server, report.certificates)
        await judge(transaction, server, now)
      }),
    /** Stores a probe, unless the server's address has changed meanwhile. Throws `not_found`. */
    keepProbe: (q: { server: string; address: string; probe: Probe }, now: number) =>
      withServer(q.server, async (transaction) => {
        if ((await mustBeRegistered(transaction, q.server)) !== q.address) return
        await write(transaction, q.server, {
          probed_at: new Date(now).toISOString(),
          probe: JSON.stringify(q.probe),
        })
        await judge(transaction, q.server, now)
      }),
    address: (server: string) => mustBeRegistered(tables, server),
    /** Servers that were never probed or not since `before`, the longest ago first. */
    dueForProbe: (before: string, limit: number) =>
      tables
        .selectFrom('security_server')
        .leftJoin('fleet_server', 'fleet_server.server', 'security_server.id')
        .select(['id', 'address'])
        .where(({ or, eb }) => or([eb('probed_at', 'is', null), eb('probed_at', '<', before)]))
        .orderBy(sql`coalesce(probed_at, '')`)
        .limit(limit)
        .execute(),
    /** Updates the troubles of servers that have not reported for too long. */
    async noticeSilence(now: number): Promise<void> {
      const rows = await serversIn(tables, { reporting: 'yes' })
        .select('security_server.id')
        .where('reported_at', '<', new Date(now - SILENT_MS).toISOString())
        .where(({ not, exists, selectFrom }) =>
          not(
            exists(
              selectFrom('fleet_trouble')
                .select('fleet_trouble.id')
                .whereRef('fleet_trouble.server', '=', 'security_server.id')
                .where('until', 'is', null)
                .where('kind', '=', 'silent'),
            ),
          ),
        )
        .execute()
      for (const { id } of rows) await withServer(id, (transaction) => judge(transaction, id, now))
    },
    ...createFleetLists(tables),
  }
}

/** Queries for people. */
function createFleetLists(tables: Kysely<Tables>) {
  return {
    list({ sort = '-worst', offset, limit, ...filter }: Page & FleetFilter) {
      const { column, direction } = orderOf(sort, ORDERS)
      // Databases sort null differently, so a server without a value gets the lowest one.
      const by = column === 'worst' ? sql`coalesce(worst, 0)` : sql`coalesce(${sql.ref(column)}, '')`
      return serversIn(tables, filter)
        .select(['security_server.id', 'security_server.address', 'worst', 'version', 'reported_at'])
        .select(['report', 'probed_at', 'probe', 'maintenance'])
        .orderBy(by, direction)
        .orderBy('security_server.id')
        .offset(offset)
        .limit(limit)
        .execute()
    },
    count: (filter: FleetFilter & Pick<Page, 'q'>) => counted(serversIn(tables, filter)),
    /** The newest configuration that each server has reported. */
    async reportedIndexes(): Promise<{ server: string; index: number }[]> {
      const rows = await tables.selectFrom('fleet_server').select(['server', 'report']).execute()
      return rows
        .map(({ server, report }) => ({ server, index: indexIn(report) }))
        .filter(({ index }) => index > 0)
    },
    /**
     * Members with a signing certificate that is valid at `now` and that its authority has not revoked, by
     * the server's newest report; undefined while it made none.
     */
    async reportedSigners(server: string, now: number): Promise<string[] | undefined> {
      const row = tables.selectFrom('fleet_server').select('report').where('server', '=', server)
      const { report } = (await row.executeTakeFirst()) ?? {}
      if (report == null) return undefined
      const { certificates } = JSON.parse(report) as ServerReport
      return certificates
        .filter(({ usage, ocsp }) => usage === 'SIGNING' && ocsp !== 'revoked' && ocsp !== 'unknown')
        .filter(({ notAfter }) => Date.parse(notAfter) > now)
        .flatMap(({ member }) => member ?? [])
    },
    /** Throws `not_found`. */
    async one(server: string) {
      const row = await serversIn(tables, {})
        .select(['security_server.id', 'security_server.address', 'worst', 'version', 'reported_at'])
        .select(['report', 'probed_at', 'probe', 'maintenance'])
        .where('security_server.id', '=', server)
        .executeTakeFirst()
      if (row === undefined) throw new Fault('not_found', { what: say`the security server ${server}` })
      return row
    },
    /** The present troubles of these servers. */
    troublesNow: async (servers: string[]) =>
      servers.length === 0
        ? []
        : tables
            .selectFrom('fleet_trouble')
            .select(['server', 'kind', 'severity', 'message', 'since'])
            .where('server', 'in', servers)
            .where('until', 'is', null)
            .orderBy('severity', 'desc')
            .orderBy('since')
            .execute(),
    /** Present and past troubles, the newest first. `olderBefore`, given as `before`, leads to older ones. */
    async history(server: string, before: number | undefined) {
      const rows = await tables
        .selectFrom('fleet_trouble')
        .select(['id', 'kind', 'severity', 'message', 'since', 'until'])
        .where('server', '=', server)
        .$if(before !== undefined, (query) => query.where('id', '<', before!))
        .orderBy('id', 'desc')
        .limit(HISTORY + 1)
        .execute()
      const troubles = rows.slice(0, HISTORY)
      const last = rows.length > HISTORY ? troubles.at(-1) : undefined
      return { troubles, olderBefore: last === undefined ? null : wholeNumber(last.id) }
    },
    /** The number of servers with each kind of trouble now. */
    async countTroubles(): Promise<Map<string, number>> {
      const rows = await tables
        .selectFrom('fleet_trouble')
        .innerJoin('security_server', 'security_server.id', 'fleet_trouble.server')
        .select(['kind', ({ fn }) => fn.countAll().as('found')])
        .where('until', 'is', null)
        .groupBy('kind')
        .execute()
      const found = new Map(rows.map(({ kind, found }) => [kind, Number(found)]))
      return new Map(TROUBLES.map((kind) => [kind, found.get(kind) ?? 0]))
    },
  }
}

/** The servers of the register, joined with what is known about each. */
function serversIn(
  tables: Kysely<Tables>,
  { q = '', trouble = '', reporting }: FleetFilter & Pick<Page, 'q'>,
) {
  return tables
    .selectFrom('security_server')
    .leftJoin('fleet_server', 'fleet_server.server', 'security_server.id')
    .$if(q !== '', (query) =>
      query.where(contains(q, { id: 'security_server.id', text: 'security_server.address' })),
    )
    .$if(reporting === 'never', (query) => query.where('reported_at', 'is', null))
    .$if(reporting === 'yes', (query) => query.where('reported_at', 'is not', null))
    .$if(trouble === 'any', (query) => query.where('worst', '>', 0))
    .$if(trouble !== '' && trouble !== 'any', (query) =>
      query.where(({ exists, selectFrom }) =>
        exists(
          selectFrom('fleet_trouble')
            .select('fleet_trouble.id')
            .whereRef('fleet_trouble.server', '=', 'security_server.id')
            .where('until', 'is', null)
            .where('kind', '=', trouble),
        ),
      ),
    )
}

/** The report was verified when it arrived, but an older version may have stored another form. */
function indexIn(report: string | null): number {
  if (report === null) return 0
  const { configuration } = JSON.parse(report) as { configuration?: { index?: number } }
  return configuration?.index ?? 0
}
