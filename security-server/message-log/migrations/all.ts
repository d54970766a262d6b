/**
 * The migrations of the log's own tables. Its parts bring theirs; all run in the order of their names. Names
 * never change; new ones are added at the end.
 */
import type { SchemaChange } from '#platform/database/older-versions.ts'
import { begunDeletions } from './begun-deletions.ts'
import { bodyFilesByRecord } from './body-files-by-record.ts'
import { BODY_PIECES, bodyPieces } from './body-pieces.ts'
import { circumstances } from './circumstances.ts'
import { cosignatures } from './cosignatures.ts'
import { dailyCounts } from './daily-counts.ts'
import { evidenceRecords } from './evidence-records.ts'
import { first } from './first.ts'
import { partitions } from './partitions.ts'
import { retention } from './retention.ts'
import { segments } from './segments.ts'

export const messageLogMigrations: Record<string, SchemaChange> = {
  '2026-12-01-message-log': first,
  '2026-12-03-message-log-cosignatures': cosignatures,
  '2026-12-10-message-log-retention': retention,
  '2026-12-12-message-log-evidence-records': evidenceRecords,
  '2026-12-17-message-log-daily-counts': dailyCounts,
  '2026-12-18-message-log-partitions': partitions,
  '2026-12-19-message-log-circumstances': circumstances,
  '2026-12-20-message-log-segments': segments,
  [BODY_PIECES]: bodyPieces,
  '2026-12-25-message-log-body-files': bodyFilesByRecord,
  '2026-12-28-message-log-begun-deletions': begunDeletions,
}
