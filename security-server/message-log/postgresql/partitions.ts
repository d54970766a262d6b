/**
 * The partitions, ranges of record indexes and so of time, of the tables that grow with every record on
 * PostgreSQL. All tables have the same borders. A partition begins where the previous one ends, and is made
 * before its first record.
 */

/**
 * The partitioned tables with the column that they are partitioned by; also those of parts, because a log is
 * opened with all its parts. The migration reads this list: a table that is added later needs a migration of
 * its own.
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

/**
 * In a large log a partition has about one in this many of all records, so the number of partitions grows
 * with the logarithm of the log.
 */
const OF_ALL = 16

/** Takes a lock, so that two nodes make partitions one after the other. */
export const PARTITIONS_LOCK =
  "select pg_advisory_xact_lock(hashtextextended('concordat message log partitions', 0))"

/** The end of the newest partition as `border`; null when there is none. */
export const NEWEST_BORDER = `select max(substring(pg_get_expr(part.relpartbound, part.oid) from 'TO \\(''?(\\d+)''?\\)')::bigint)
  as border from pg_inherits join pg_class part on part.oid = inhrelid where inhparent = 'record'::regclass`

/**
 * The end of a partition that begins at `start`. `step` is the number of records in a partition of a small
 * log.
 */
export function borderAfter(start: number, step: number): number {
  const records = step * Math.max(1, Math.floor(start / (OF_ALL * step)))
  // A migrated log may begin at any index; its next partition gets at least half the size.
  return Math.max(1, Math.ceil(start / records + 0.5)) * records
}

/**
 * Statements that make the partition from `start` to `end` in every table. Attaching an empty table blocks no
 * reader or writer; creating it as a partition would.
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

/** The first partition has no lower bound, so that every row of an older version's table fits. */
export function attachStatement(table: Partitioned, start: number, end: number): string {
  const from = start === 0 ? 'minvalue' : start
  return `alter table ${table} attach partition ${partitionName(table, start)} for values from (${from}) to (${end})`
}

export function partitionName(table: Partitioned, start: number): string {
  return `${table}_from_${start}`
}
