/**
 * Revokes undecided management requests of whoever leaves the register: approved later, they would bring it
 * back.
 */
import type { Kysely } from 'kysely'
import { UNDECIDED } from '#schemas/management-request.ts'
import type { RegisterTables } from './tables.ts'

/**
 * Call this within the transaction in which this server or member leaves the register, or the server gets
 * another id.
 */
export async function revokeRequests(
  transaction: Kysely<RegisterTables>,
  of: { server: string } | { member: string },
  at: string,
): Promise<void> {
  const undecided = await transaction
    .selectFrom('management_request')
    .select(['id', 'owner', 'server', 'client'])
    .where('state', 'in', UNDECIDED)
    .execute()
  const isOf = (id: string | null, member: string): boolean =>
    id === member || id?.startsWith(`${member}/`) === true
  const ending = undecided.filter(({ owner, server, client }) =>
    'server' in of ? server === of.server : owner === of.member || isOf(client, of.member),
  )
  const left = 'server' in of ? `the security server ${of.server}` : `the member ${of.member}`
  const decided = { state: 'REVOKED' as const, decided_at: at, decided_by: `${left} left the register` }
  for (const { id } of ending)
    await transaction.updateTable('management_request').set(decided).where('id', '=', id).execute()
}
