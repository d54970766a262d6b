/**
 * The circumstances of exchanges: one row per distinct document, written in the commit of the first record
 * that names it.
 */
import { hash } from 'node:crypto'
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import type { SideStatement } from '../hot-store.ts'
import type { Tables } from '../tables.ts'

export type CircumstancesStore = ReturnType<typeof createCircumstancesStore>

/** A statement that both databases accept; an existing row stays. */
export function keepCircumstances(document: Buffer): SideStatement {
  return {
    text: 'insert into circumstances (digest, document) values (?, ?) on conflict (digest) do nothing',
    values: [hash('sha256', document, 'buffer'), document],
  }
}

export function createCircumstancesStore(database: Database) {
  const kysely = tablesOf<Tables>(database)
  return {
    /** The document with this hash (base64). */
    document: async (digest: string): Promise<Buffer | undefined> => {
      const row = await kysely
        .selectFrom('circumstances')
        .select('document')
        .where('digest', '=', Buffer.from(digest, 'base64'))
        .executeTakeFirst()
      return row?.document
    },
  }
}
