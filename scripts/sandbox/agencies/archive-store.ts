/** The archive's own database, with what it has cosigned. */
import path from 'node:path'
import { migrate } from '#platform/database/migrate.ts'
import { openDatabase } from '#platform/database/open-database.ts'
import { createWitnessStore, type WitnessStore, witnessMigrations } from '#platform/witness/store.ts'

export async function openArchiveStore(
  directory: string,
): Promise<{ store: WitnessStore; close(): Promise<void> }> {
  const database = await openDatabase(`sqlite:${path.join(directory, 'witness.db')}`)
  await migrate(database, witnessMigrations)
  return { store: createWitnessStore(database), close: () => database.close() }
}
