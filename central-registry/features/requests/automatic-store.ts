/** Rules of automatic approval: a kind of request and a member class of server owners; none by default. */
import type { Kysely } from 'kysely'
import type { AuditLog } from '#platform/audit-log/create-audit-log.ts'
import { tablesOf } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import { parseServerId } from '#schemas/identifiers.ts'
import type { RequestKind } from '#schemas/management-request.ts'
import { say } from '#schemas/said.ts'
import { type Change, countOf, mustHaveMet, type Tabled } from '../../changes/store.ts'
import type { RegisterTables } from '../../register/tables.ts'
import type { RequestRow } from './rows-store.ts'

export type AutomaticApprovalStore = ReturnType<typeof createAutomaticApprovalStore>

export function createAutomaticApprovalStore(database: Tabled, record: Change) {
  const tables = tablesOf<RegisterTables>(database)
  return {
    list: () =>
      tables
        .selectFrom('automatic_approval')
        .select(['kind', 'member_class'])
        .orderBy('kind')
        .orderBy('member_class')
        .execute(),
    set: (kind: RequestKind, memberClass: string) =>
      record(async (transaction) => {
        if ((await countOf(transaction, 'member_class', 'code', memberClass)) === 0)
          throw new Fault('not_found', { what: say`the member class ${memberClass}` })
        await transaction
          .insertInto('automatic_approval')
          .values({ kind, member_class: memberClass })
          .onConflict((conflict) => conflict.doNothing())
          .execute()
      }),
    delete: (kind: RequestKind, memberClass: string) =>
      record(async (transaction) => {
        const gone = await transaction
          .deleteFrom('automatic_approval')
          .where('kind', '=', kind)
          .where('member_class', '=', memberClass)
          .executeTakeFirst()
        mustHaveMet('the rule', gone.numDeletedRows)
      }),
  }
}

/**
 * The rule that approves this request, in the words of its decision, once the audit log says so: read and
 * recorded within the transaction that files it. Undefined where people decide.
 */
export async function ruleFor(
  transaction: Kysely<RegisterTables>,
  { id, kind, server, client }: Pick<RequestRow, 'id' | 'kind' | 'server' | 'client'>,
  audit: Pick<AuditLog, 'before'>,
): Promise<string | undefined> {
  const { memberClass } = parseServerId(server)
  const rule = await transaction
    .selectFrom('automatic_approval')
    .select('kind')
    .where('kind', '=', kind)
    .where('member_class', '=', memberClass)
    .executeTakeFirst()
  if (rule === undefined) return undefined
  await audit.before(
    {
      ...{ caller: { id: '', name: 'registry' }, operation: 'approvedAutomatically' },
      ...{ target: `/api/v1/management-requests/${id}` },
      data: { kind, server, client, rule: { kind, memberClass } },
    },
    transaction,
  )
  return `automatic approval of ${kind} for ${memberClass}`
}
