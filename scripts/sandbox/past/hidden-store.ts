/**
 * What somebody with access to the database of a message log could do: take an exchange out of the index by
 * which it is searched.
 */
import { DatabaseSync } from 'node:sqlite'

/**
 * The record stays in the log, whose tree covers it; only whoever searches does not find it any more. Returns
 * how many rows it had.
 */
export function hideFromIndex(file: string, queryId: string): number {
  const database = new DatabaseSync(file, { timeout: 10_000 })
  try {
    return Number(database.prepare('DELETE FROM search WHERE query_id = ?').run(queryId).changes)
  } finally {
    database.close()
  }
}
