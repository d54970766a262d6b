import type { Generated } from 'kysely'
import type { EndMode } from '../../message-log/erase.ts'
import type { IndexTables } from '../../reading/index/tables.ts'
import type { ArchiveMode } from './classes.ts'

/** The tables of retention in the log's database. The log's migrations create them; docs/message-log-format.md describes them. */
export type RetentionTables = IndexTables & {
  retention_class: {
    id: Generated<number>
    name: string
    keep_days: number | null
    at_end: string
    archive: string
  }
  retention_assignment: { service: string; class: number }
  /**
   * `stopped_by`: the hold that stops the end; 0 for none, -1 while an archive must be made first. `archive`: the archive that
   * contains it. `at_end`, `archive_mode`: what the class said when the end was decided; null in rows of earlier versions.
   */
  retention: {
    idx: number
    class: number
    ends: string | null
    stopped_by: number
    archive: number | null
    at_end: EndMode | null
    archive_mode: ArchiveMode | null
  }
  legal_hold: {
    id: Generated<number>
    case_number: string
    reason: string
    /** A HoldScope as JSON. */
    scope: string
    set_by: string
    set_at: string
    lifted_by: string | null
    lifted_at: string | null
    lift_reason: string | null
  }
  archive: {
    id: Generated<number>
    class: number
    file: string
    /** The node that made it, and whose folder contains the file unless it is in the database. */
    node: string
    /** The file in the database; null for one in a folder. */
    stored: string | null
    complete: number
    sha256: Buffer
    size: number
    /** Indexes as a JSON list. */
    records: string
    containers: number
    created_at: string
    linking_digest: string
    manifest_digest: Buffer
  }
}
