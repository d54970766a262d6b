/** When which backup was last read back whole, since when that is tried, and why it failed. */
import { type Database, tablesOf } from '#platform/database/open-database.ts'

type ProofTables = {
  backup_proof: { name: string; proven_at: string }
  backup_proof_try: { name: string; first_at: string; failure: string | null }
}
export type ProofStore = ReturnType<typeof createProofStore>

const KEPT = 100

export function createProofStore(database: Database) {
  const tables = tablesOf<ProofTables>(database)
  const newest = () => tables.selectFrom('backup_proof').orderBy('proven_at', 'desc')

  return {
    of: async (name: string): Promise<string | undefined> =>
      (
        await tables
          .selectFrom('backup_proof')
          .select('proven_at')
          .where('name', '=', name)
          .executeTakeFirst()
      )?.proven_at,
    last: async (): Promise<string | undefined> =>
      (await newest().select('proven_at').limit(1).executeTakeFirst())?.proven_at,
    /** Since when backups are read back. */
    tried: async (): Promise<string | undefined> =>
      (
        await tables
          .selectFrom('backup_proof_try')
          .select('first_at')
          .orderBy('first_at')
          .limit(1)
          .executeTakeFirst()
      )?.first_at,
    /** Why this backup could not be read back the last time. */
    failureOf: async (name: string): Promise<string | undefined> =>
      (
        await tables
          .selectFrom('backup_proof_try')
          .select('failure')
          .where('name', '=', name)
          .executeTakeFirst()
      )?.failure ?? undefined,
    async try(name: string, q: { at: string; failure?: string }): Promise<void> {
      const failure = q.failure ?? null
      await tables
        .insertInto('backup_proof_try')
        .values({ name, first_at: q.at, failure })
        .onConflict((conflict) => conflict.column('name').doUpdateSet({ failure }))
        .execute()
      const old = await tables
        .selectFrom('backup_proof_try')
        .select('first_at')
        .orderBy('first_at', 'desc')
        .offset(KEPT)
        .limit(1)
        .executeTakeFirst()
      if (old !== undefined)
        await tables.deleteFrom('backup_proof_try').where('first_at', '<=', old.first_at).execute()
    },
    async note(name: string, at: string): Promise<void> {
      await tables
        .insertInto('backup_proof')
        .values({ name, proven_at: at })
        .onConflict((conflict) => conflict.column('name').doUpdateSet({ proven_at: at }))
        .execute()
      const old = await newest().select('proven_at').offset(KEPT).limit(1).executeTakeFirst()
      if (old !== undefined)
        await tables.deleteFrom('backup_proof').where('proven_at', '<=', old.proven_at).execute()
    },
  }
}
