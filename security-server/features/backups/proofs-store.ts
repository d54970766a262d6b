/** When which backup was last read back whole. */
import { type Database, tablesOf } from '#platform/database/open-database.ts'

type ProofTables = { backup_proof: { name: string; proven_at: string } }
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
