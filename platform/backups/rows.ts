/**
 * Reads the rows of some tables in a backup without a database. As with every entry, use them only after the
 * whole backup is verified.
 */
import { Fault } from '#schemas/fault.ts'

export type BackupRows = {
  /** The number of rows in all tables. */
  rows: number
  /** The rows of the requested tables, by column: texts, numbers, null, `{ base64 }`. */
  of: Map<string, Record<string, unknown>[]>
}

/** Much more than the people, keys or signing keys of any server. */
const MOST_ROWS = 100_000

/** Throws `backup_invalid` for a line that is not JSON, and for too many rows. */
export async function rowsOf(lines: AsyncIterable<string>, tables: readonly string[]): Promise<BackupRows> {
  const of = new Map<string, Record<string, unknown>[]>(tables.map((table) => [table, []]))
  let rows = 0
  let kept = 0
  let columns: string[] = []
  let open: Record<string, unknown>[] | undefined
  for await (const line of lines) {
    if (!line.startsWith('[')) {
      const told = parsed(line) as { table?: unknown; columns?: unknown } | null
      open = of.get(String(told?.table))
      columns = Array.isArray(told?.columns) ? told.columns.map(String) : []
      continue
    }
    rows++
    if (open === undefined) continue
    if (++kept > MOST_ROWS) throw invalid('it has more rows of people and keys than anybody could have')
    const values = parsed(line) as unknown[]
    open.push(Object.fromEntries(columns.map((column, at) => [column, values[at] ?? null])))
  }
  return { rows, of }
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch (cause) {
    throw invalid('a line of its database is not JSON', cause)
  }
}

function invalid(what: string, cause?: unknown): Fault {
  return new Fault('backup_invalid', { what, cause })
}
