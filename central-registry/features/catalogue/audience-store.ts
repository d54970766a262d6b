/**
 * For whom each service is in the catalogue: the rows that follow from what its provider says of access, and the services that a
 * security server is told of. A service that says of nobody that they may ask is told to no server.
 */
import { type Expression, type Kysely, type SqlBool, sql } from 'kysely'
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import { CATALOGUE_LIMITS } from '#schemas/catalogue.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { type Change, contains, counted, textContains } from '../../changes/store.ts'
import { takeDocument } from '../../documents/taken-store.ts'
import type { Access } from './read-answers.ts'
import type { Tables } from './tables.ts'

type Audience = Tables['catalogue_audience']
export type AudienceStore = ReturnType<typeof createAudienceStore>

const EVERYBODY = { kind: 'everybody', code: '' } as const
const COLUMNS = [
  ...(['catalogue_service.id', 'catalogue_service.type', 'title', 'version', 'description'] as const),
  ...(['endpoints', 'access', 'last_seen', 'changed_at'] as const),
  ...(['member.name as member_name', 'subsystem.name as subsystem_name'] as const),
] as const

export function createAudienceStore(database: Database, record: Change<Tables>) {
  const tables = tablesOf<Tables>(database)

  /** What the catalogue has for this server now. */
  const toldTo = (server: string) =>
    tables
      .selectFrom('catalogue_service')
      .innerJoin('subsystem', 'subsystem.id', 'catalogue_service.provider')
      .innerJoin('member', 'member.id', 'subsystem.member')
      .where('catalogue_service.status', '=', 'offered')
      .where(sql<number>`length(catalogue_service.id)`, '<=', CATALOGUE_LIMITS.id)
      .where('catalogue_service.id', 'in', servicesFor(tables, server))

  return {
    /** Accepts a question once. Throws `replayed_request`; `access_denied` for a server that the register does not have. */
    take: (id: string, server: string, now: number) =>
      record(async (transaction) => {
        const known = transaction.selectFrom('security_server').where('id', '=', server)
        if ((await counted(known)) === 0)
          throw new Fault('access_denied', { what: say`the server ${server} is not registered` })
        await takeDocument(transaction, id, now)
      }),
    async list(server: string, { q = '', offset, limit }: { q?: string; offset: number; limit: number }) {
      const found = toldTo(server).$if(q !== '', (query) => query.where(({ or }) => or(searched(q))))
      const rows = await found
        .select(COLUMNS)
        .orderBy('title')
        .orderBy('catalogue_service.id')
        .offset(offset)
        .limit(limit)
        .execute()
      return { rows, total: await counted(found) }
    },
    service: (server: string, id: string) =>
      toldTo(server).select(COLUMNS).where('catalogue_service.id', '=', id).executeTakeFirst(),
  }
}

function searched(q: string): Expression<SqlBool>[] {
  const inService = contains(q, { id: 'catalogue_service.id', text: 'catalogue_service.search' })
  return [inService, textContains('member.name', q), textContains('subsystem.name', q)]
}

/** The services whose audience the server's owner or one of its enabled clients is among. */
function servicesFor(tables: Kysely<Tables>, server: string) {
  const clients = tables
    .selectFrom('server_client')
    .select('client')
    .where('server', '=', server)
    .where('is_disabled', '=', 0)
  const owner = tables.selectFrom('security_server').select('owner').where('id', '=', server)
  const classes = tables
    .selectFrom('member')
    .select('member_class')
    .where(({ or, eb, selectFrom }) =>
      or([
        eb('member.id', 'in', owner),
        eb('member.id', 'in', selectFrom('subsystem').select('member').where('subsystem.id', 'in', clients)),
      ]),
    )
  const groups = tables
    .selectFrom('global_group_member')
    .select('group_code')
    .where(({ or, eb }) => or([eb('client', 'in', owner), eb('client', 'in', clients)]))
  return tables
    .selectFrom('catalogue_audience')
    .select('catalogue_audience.service')
    .where(({ or, and, eb }) =>
      or([
        eb('kind', '=', 'everybody'),
        and([eb('kind', '=', 'memberClass'), eb('code', 'in', classes)]),
        and([eb('kind', '=', 'globalGroup'), eb('code', 'in', groups)]),
      ]),
    )
}

/** Makes the rows those that follow from `access`, within the change that writes the services. */
export async function keepAudiences(
  transaction: Kysely<Tables>,
  provider: string,
  services: { id: string; access: string }[],
): Promise<void> {
  const kept = await transaction
    .selectFrom('catalogue_audience')
    .selectAll()
    .where(({ eb, selectFrom }) =>
      eb('service', 'in', selectFrom('catalogue_service').select('id').where('provider', '=', provider)),
    )
    .execute()
  const before = Map.groupBy(kept, ({ service }) => service)
  for (const { id, access } of services) {
    const rows = audienceOf(id, JSON.parse(access) as Access)
    if (isSame(rows, before.get(id) ?? [])) continue
    await transaction.deleteFrom('catalogue_audience').where('service', '=', id).execute()
    if (rows.length > 0) await transaction.insertInto('catalogue_audience').values(rows).execute()
  }
}

export function audienceOf(service: string, access: Access): Audience[] {
  if (access === 'nobody') return []
  if (access === 'everybody') return [{ service, ...EVERYBODY }]
  const { memberClasses, globalGroups } = access
  return [
    ...[...new Set(memberClasses)].map((code) => ({ service, kind: 'memberClass' as const, code })),
    ...[...new Set(globalGroups)].map((code) => ({ service, kind: 'globalGroup' as const, code })),
  ]
}

function isSame(rows: Audience[], before: Audience[]): boolean {
  const known = new Set(before.map(({ kind, code }) => `${kind} ${code}`))
  return rows.length === known.size && rows.every(({ kind, code }) => known.has(`${kind} ${code}`))
}
