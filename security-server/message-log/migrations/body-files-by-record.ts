/**
 * Finds the body files of a record, and has those deleted that earlier versions left: of an erased record
 * that no log key opened, they did not know the file's name.
 */
import { type Kysely, sql } from 'kysely'
import type { SchemaChange } from '#platform/database/older-versions.ts'

export const bodyFilesByRecord: SchemaChange = {
  olderVersionsGoOn: true,
  up: async (kysely: Kysely<unknown>) => {
    await kysely.schema.createIndex('body_file_idx').on('body_file').column('idx').execute()
    // A name that is still here after its record's erasure, and is not among those to be deleted, nobody
    // knew.
    await sql`insert into erased_body_file (name)
      select name from body_file
      where idx in (select idx from erasure) and name not in (select name from erased_body_file)`.execute(
      kysely,
    )
  },
}
