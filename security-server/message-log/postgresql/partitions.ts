/**
 * Stretches of indexes, which are stretches of time, in which the tables that grow with every record are kept on PostgreSQL. A stretch
 * begins where the last one ends, in all tables at once, and is there before the first record that belongs into it.
 */

/**
 * Tables and the column that their stretches go by; those of parts too, since a log is opened with all its parts. The migration takes them
 * as they stand here: one that joins later needs its own.
 */
export const PARTITIONED = {
  record: 'idx',
  record_key: 'idx',
  signature_document: 'id',
  search: 'idx',
  retention: 'idx',
  remainder: 'idx',
  subject: 'idx',
} as const

export type Partitioned = keyof typeof PARTITIONED

export const PARTITIONED_TABLES = Object.keys(PARTITIONED) as Partitioned[]

/** Records in a partition of a small log: 128 blocks of the index by query id, some 16 GB. */
export const PARTITION_RECORDS = 4_194_304

/** In a large log a partition holds about one in so many of all records: their number grows by the logarithm of the log. */
const OF_ALL = 16

/** Two that make partitions at the same time do it one after the other. */
export const PARTITIONS_LOCK =
  "select pg_advisory_xact_lock(hashtextextended('concordat message log partitions', 0))"

/** Where the newest partition ends, as `border`; null when there is none. */
export const NEWEST_BORDER = `select max(substring(pg_get_expr(part.relpartbound, part.oid) from 'TO \\(''?(\\d+)''?\\)')::bigint)
  as border from pg_inherits join pg_class part on part.oid = inhrelid where inhparent = 'record'::regclass`

/** Where a partition that begins at `start` ends. `step`: records in a partition of a small log. */
export function borderAfter(start: number, step: number): number {
  const records = step * Math.max(1, Math.floor(start / (OF_ALL * step)))
  // A log that was carried over begins anywhere: half a partition at least.
  return Math.max(1, Math.ceil(start / records + 0.5)) * records
}

/**
 * Statements that make the partition from `start` to `end` in every table. Attaching an empty table keeps no reader and no writer
 * waiting, as creating it in its place would.
 */
export function partitionStatements(start: number, end: number): string[] {
  return PARTITIONED_TABLES.flatMap((table) => {
    const name = partitionName(table, start)
    return [
      `create table ${name} (like ${table} including defaults including constraints including storage including compression)`,
      attachStatement(table, start, end),
    ]
  })
}

/** The first partition has no lower bound: whatever stood in the table of an older version fits. */
export function attachStatement(table: Partitioned, start: number, end: number): string {
  const from = start === 0 ? 'minvalue' : start
  return `alter table ${table} attach partition ${partitionName(table, start)} for values from (${from}) to (${end})`
}

export function partitionName(table: Partitioned, start: number): string {
  return `${table}_from_${start}`
}
