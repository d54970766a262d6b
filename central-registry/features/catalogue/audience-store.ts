/**
 * For whom each service is in the catalogue: the rows that follow from what its provider says of access, and
 * the services that a security server is told of. A service whose provider lets nobody ask is told to no
 * server.
 */
import type { Expression, Kysely, SqlBool } from 'kysely'
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import { CATALOGUE_LIMITS } from '#schemas/catalogue.ts'
import { Fault } from '#schemas/fault.ts'
import type { DocumentHead } from '#schemas/management-request.ts'
import { say } from '#schemas/said.ts'
import { type Change, contains, counted, textContains } from '../../changes/store.ts'
import { type SignedWith, takeWord } from '../../documents/taken-store.ts'
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
      // A node of an older version may have changed for whom the service is, and left its audience as it was.
      .whereRef('catalogue_service.audience_access', '=', 'catalogue_service.access')
      .where('catalogue_service.id', 'in', servicesFor(tables, server))

  return {
    /**
     * Accepts a question once. Throws `suspended`, `replayed_request`; `access_denied` for a server or a
     * signer that the register does not have.
     */
    take: (question: SignedWith<DocumentHead & { server: string }>, now: number) =>
      record(async (transaction) => {
        const { server } = question
        const known = transaction.selectFrom('security_server').where('id', '=', server)
        if ((await counted(known)) === 0)
          throw new Fault('access_denied', { what: say`the server ${server} is not registered` })
        await takeWord(transaction, question, now)
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
      const isWhole = offset === 0 && rows.length < limit
      return { rows, total: isWhole ? rows.length : await counted(found) }
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

/** Makes the audiences those that follow from `access`, within the change that has written the services. */
export async function keepAudiences(
  transaction: Kysely<Tables>,
  provider: string,
  services: { id: string; access: string }[],
): Promise<void> {
  const kept = await transaction
    .selectFrom('catalogue_service')
    .select('id')
    .where('provider', '=', provider)
    .whereRef('audience_access', '=', 'access')
    .execute()
  const unchanged = new Set(kept.map(({ id }) => id))
  for (const { id, access } of services) {
    if (unchanged.has(id)) continue
    await transaction.deleteFrom('catalogue_audience').where('service', '=', id).execute()
    const rows = audienceOf(id, JSON.parse(access) as Access)
    if (rows.length > 0) await transaction.insertInto('catalogue_audience').values(rows).execute()
    await transaction
      .updateTable('catalogue_service')
      .set({ audience_access: access })
      .where('id', '=', id)
      .execute()
  }
}

/** A service whose id is too long for a page has no audience. */
export function audienceOf(service: string, access: Access): Audience[] {
  if (access === 'nobody' || service.length > CATALOGUE_LIMITS.id) return []
  if (access === 'everybody') return [{ service, ...EVERYBODY }]
  const { memberClasses, globalGroups } = access
  return [
    ...storable(memberClasses).map((code) => ({ service, kind: 'memberClass' as const, code })),
    ...storable(globalGroups).map((code) => ({ service, kind: 'globalGroup' as const, code })),
  ]
}

/**
 * Strangers write these codes. No class and no group has one that a database refuses, or that it would
 * confuse with another.
 */
function storable(codes: string[]): string[] {
  return [...new Set(codes)].filter((code) => code.isWellFormed() && !code.includes('\0'))
}
