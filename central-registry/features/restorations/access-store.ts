/**
 * Who would have access again through a restored register: people, API keys, and sessions, which are ended at
 * once.
 */
import type { Kysely } from 'kysely'
import type { ApiKeyTables } from '#platform/api-keys/store.ts'
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import type { PasskeyTables } from '#platform/passkeys/store.ts'
import type { PeopleTables } from '#platform/people/tables.ts'
import type { SessionTables } from '#platform/sessions/store.ts'
import type { BackKey, ComesBack } from './rules.ts'

type Access = PeopleTables & ApiKeyTables & SessionTables & PasskeyTables

export type AccessStore = ReturnType<typeof createAccessStore>

export function createAccessStore(database: Pick<Database, 'kysely'>) {
  const tables = tablesOf<Access>(database)
  return {
    comesBack: (now: string): Promise<ComesBack> => comesBackIn(tables, now),
    async endSessions(): Promise<void> {
      await tables.deleteFrom('session').execute()
      // Some may have been removed since: who is let in begins at the provider, as if no passkey had ever
      // been.
      for (const table of ['passkey', 'passkey_code', 'passkey_lost'] as const)
        await tables.deleteFrom(table).execute()
    },
  }
}

async function comesBackIn(kysely: Kysely<Access>, now: string): Promise<ComesBack> {
  // Guests of a ceremony have no roles.
  const people = await kysely
    .selectFrom('person')
    .select(['id', 'name', 'roles', 'state', 'last_login_at'])
    .where('state', 'in', ['active', 'invited'])
    .where('roles', '!=', '')
    .orderBy('name')
    .orderBy('id')
    .execute()
  return {
    people: people.map(({ roles, last_login_at, ...person }) => ({
      ...person,
      roles: roles.split(','),
      lastLoginAt: last_login_at,
    })),
    apiKeys: await keysIn(kysely, now),
  }
}

async function keysIn(kysely: Kysely<Access>, now: string): Promise<BackKey[]> {
  const keys = await kysely
    .selectFrom('api_key')
    .select(['id', 'name', 'roles', 'created_at', 'expires_at', 'created_by'])
    .where('revoked_at', 'is', null)
    .orderBy('name')
    .orderBy('id')
    .execute()
  return keys
    .filter(({ expires_at }) => expires_at === null || expires_at > now)
    .map(({ id, name, roles, created_at, expires_at, created_by }) => ({
      ...{ id, name, roles: roles.split(','), createdAt: created_at },
      ...{ expiresAt: expires_at, createdBy: created_by },
    }))
}

/** Revokes these keys, within the transaction of the acceptance. */
export async function endKeys(kysely: Kysely<Access>, ids: string[], at: string): Promise<void> {
  for (const id of ids)
    await kysely
      .updateTable('api_key')
      .set({ revoked_at: at })
      .where('id', '=', id)
      .where('revoked_at', 'is', null)
      .execute()
}
