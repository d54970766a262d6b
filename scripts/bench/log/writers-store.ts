/** What PostgreSQL tells about the processes that append to a log. */
import pg from 'pg'

/** `url` is the log's database. */
export async function watchWriters(url: string) {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  return {
    /** Since the log began; each group moves the head once. */
    count: async (): Promise<{ records: number; groups: number }> => {
      const { rows } = await client.query<{ size: string; version: string }>(
        `select size, (select pg_stat_get_tuples_updated('tree_head'::regclass)) as version from tree_head`,
      )
      return { records: Number(rows[0]!.size), groups: Number(rows[0]!.version) }
    },
    /** Of this database, and those that write the write-ahead log. */
    processes: async (): Promise<number[]> => {
      const { rows } = await client.query<{ pid: number }>(
        `select pid from pg_stat_activity where datname = current_database() or backend_type in ('walwriter', 'walsender')`,
      )
      return rows.map(({ pid }) => pid)
    },
    close: () => client.end(),
  }
}
