/**
 * The tables of retention in the log's database. The log's migrations create them; docs/message-log-format.md
 * describes them.
 */
import type { Generated } from 'kysely'
import type { Time, Whole } from '#schemas/sent-values.ts'
import type { EndMode } from '../../message-log/erasure/erase.ts'
import type { IndexTables } from '../../reading/index/tables.ts'
import type { ArchiveMode } from './classes.ts'

export type RetentionTables = IndexTables & {
  retention_class: {
    id: Generated<Whole>
    name: string
    keep_days: Whole | null
    at_end: string
    archive: string
  }
  retention_assignment: { service: string; class: number }
  /**
   * `stopped_by`: the hold that stops the end; 0 for none, -1 while an archive must be made first. `archive`:
   * the archive that contains it. `at_end`, `archive_mode`: what the class said when the end was decided;
   * null in rows of earlier versions.
   */
  retention: {
    idx: Whole
    class: Whole
    ends: string | null
    stopped_by: Whole
    archive: Whole | null
    at_end: EndMode | null
    archive_mode: ArchiveMode | null
  }
  legal_hold: {
    id: Generated<Whole>
    case_number: string
    reason: string
    /** A HoldScope as JSON. */
    scope: string
    set_by: string
    set_at: Time
    lifted_by: string | null
    lifted_at: Time | null
    lift_reason: string | null
  }
  archive: {
    id: Generated<Whole>
    class: Whole
    file: string
    /** The node that made it, and whose folder contains the file unless it is in the database. */
    node: string
    /** The file in the database; null for one in a folder. */
    stored: string | null
    complete: Whole
    sha256: Buffer
    size: Whole
    /** Indexes as a JSON list. */
    records: string
    containers: Whole
    created_at: Time
    linking_digest: string
    manifest_digest: Buffer
  }
}
