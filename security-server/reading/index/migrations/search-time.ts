/** An index by time: an auditor asks for a day of a log that holds years. Times come nearly in order, so it grows at its end. */
import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

export const searchTime: Migration = {
  up: async (kysely: Kysely<unknown>) => {
    await kysely.schema.createIndex('search_time').on('search').columns(['time', 'idx']).execute()
  },
}
