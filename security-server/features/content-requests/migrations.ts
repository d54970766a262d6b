/** The table of requests to see content. */
import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes } from '#platform/database/dialect.ts'

export const contentRequestMigrations: Record<string, Migration> = {
  'security-server-people-002-content-requests': {
    async up(kysely: Kysely<unknown>) {
      const { text } = columnTypes(kysely)
      let table = kysely.schema
        .createTable('content_request')
        .addColumn('id', text, (column) => column.primaryKey())
      for (const name of [
        'target',
        'case_number',
        'reason',
        'asked_by',
        'asked_by_name',
        'asked_at',
        'state',
      ])
        table = table.addColumn(name, text, (column) => column.notNull())
      for (const name of ['decided_by', 'decided_by_name', 'decided_at', 'decision_reason'])
        table = table.addColumn(name, text)
      await table.execute()
      await kysely.schema
        .createIndex('content_request_state')
        .on('content_request')
        .columns(['state', 'asked_at'])
        .execute()
      await kysely.schema
        .createIndex('content_request_target')
        .on('content_request')
        .columns(['target', 'asked_by'])
        .execute()
    },
  },
}
