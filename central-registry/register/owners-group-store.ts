/**
 * The global group of all members that own a security server, which the registry keeps by itself as X-Road's
 * central server does. Guarantees that it names each of these members and nobody else, within the transaction
 * that changes the servers.
 */
import type { Kysely } from 'kysely'
import { counted } from '#platform/database/lists.ts'
import { OWNERS_GROUP } from '#schemas/global-configuration.ts'
import type { RegisterTables } from './tables.ts'

/** Call this within each transaction in which a security server gets or loses this owner. */
export async function followOwner(transaction: Kysely<RegisterTables>, owner: string): Promise<void> {
  const row = { group_code: OWNERS_GROUP.code, client: owner }
  if ((await counted(transaction.selectFrom('security_server').where('owner', '=', owner))) > 0)
    await transaction
      .insertInto('global_group_member')
      .values(row)
      .onConflict((conflict) => conflict.doNothing())
      .execute()
  else
    await transaction
      .deleteFrom('global_group_member')
      .where('group_code', '=', row.group_code)
      .where('client', '=', owner)
      .execute()
}

/**
 * Makes the group anew from all servers: for many at once, and for a group of that code that was kept by
 * hand.
 */
export async function followOwners(transaction: Kysely<RegisterTables>): Promise<void> {
  const { code, description } = OWNERS_GROUP
  await transaction
    .insertInto('global_group')
    .values({ code, description })
    .onConflict((conflict) => conflict.column('code').doUpdateSet({ description }))
    .execute()
  await transaction.deleteFrom('global_group_member').where('group_code', '=', code).execute()
  await transaction
    .insertInto('global_group_member')
    .columns(['group_code', 'client'])
    .expression(({ selectFrom, val }) =>
      selectFrom('security_server')
        .select([val(code).as('group_code'), 'owner as client'])
        .distinct(),
    )
    .execute()
}
