/**
 * An index by time: auditors ask for one day of a log that covers years. Times mostly rise, so new entries go
 * to the end of the index.
 */
import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

export const searchTime: Migration = {
  up: async (kysely: Kysely<unknown>) => {
    await kysely.schema.createIndex('search_time').on('search').columns(['time', 'idx']).execute()
  },
}
