/** Single rows of suspensions, within a transaction. */
import type { Kysely } from 'kysely'
import { counted } from '#platform/database/lists.ts'
import type { SuspendedKind } from '#schemas/global-configuration.ts'
import { idText, parseServerId } from '#schemas/identifiers.ts'
import type { RegisterTables, SuspensionRow } from './tables.ts'

export const IN_FORCE: SuspensionRow['state'][] = ['unconfirmed', 'confirmed']

/** The suspensions in force, to check a request in this transaction. */
export function suspendedIn(
  kysely: Kysely<RegisterTables>,
): Promise<Pick<SuspensionRow, 'kind' | 'subject' | 'suspended_at'>[]> {
  return kysely
    .selectFrom('suspension')
    .select(['kind', 'subject', 'suspended_at'])
    .where('state', 'in', IN_FORCE)
    .orderBy('id')
    .execute()
}

export async function isSuspendedIn(
  kysely: Kysely<RegisterTables>,
  kind: SuspendedKind,
  subject: string,
): Promise<boolean> {
  const same = kysely.selectFrom('suspension').where('kind', '=', kind).where('subject', '=', subject)
  return (await counted(same.where('state', 'in', IN_FORCE))) > 0
}

/**
 * Lifts the suspension of a contract because the contract ended; `by` describes who ended it. False when
 * there was no suspension.
 */
export async function endOf(
  transaction: Kysely<RegisterTables>,
  contract: string,
  { by, at }: { by: string; at: string },
): Promise<boolean> {
  const { numUpdatedRows } = await transaction
    .updateTable('suspension')
    .set({ state: 'lifted', lifted_at: at, lifted_by: '', lifted_by_name: by })
    .where('kind', '=', 'contract')
    .where('subject', '=', contract)
    .where('state', 'in', IN_FORCE)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/** Which of these are suspended, in words. */
export function suspendedAmong(
  suspended: readonly { kind: SuspendedKind; subject: string }[],
  q: { clients: string[]; servers: string[]; certificates: string[] },
): string[] {
  const named = (kind: SuspendedKind, subject: string): boolean =>
    suspended.some((one) => one.kind === kind && one.subject === subject)
  const clients = q.clients.filter((id) => named('member', id) || named('subsystem', id))
  return [
    ...clients.map((id) => `${id} is suspended`),
    ...q.servers
      .filter((id) => named('server', id))
      .map((id) => `the security server ${idText(parseServerId(id))} is suspended`),
    ...q.certificates
      .filter((sha256) => named('certificate', sha256))
      .map((sha256) => `the certificate ${sha256} is suspended`),
  ]
}
