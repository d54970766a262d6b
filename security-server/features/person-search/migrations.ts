/** The declared places of people's identifiers, and searches by person, which contain only hashes. */
import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes, identity } from '#platform/database/dialect.ts'

export const subjectMigrations: Record<string, Migration> = {
  'security-server-subjects-001': {
    async up(kysely: Kysely<unknown>) {
      const { text } = columnTypes(kysely)
      const { schema } = kysely
      let place = schema.createTable('subject_place').addColumn('id', ...identity(kysely))
      for (const name of ['service', 'method', 'path', 'place', 'name', 'type', 'declared_by', 'declared_at'])
        place = place.addColumn(name, text, (column) => column.notNull())
      await place.execute()
      let search = schema.createTable('subject_search').addColumn('id', text, (column) => column.primaryKey())
      for (const name of ['asked_by', 'asked_by_name', 'asked_at', 'case_number', 'reason', 'type'])
        search = search.addColumn(name, text, (column) => column.notNull())
      await search
        .addColumn('period_from', text)
        .addColumn('period_to', text)
        // The key holder's answer, as JSON.
        .addColumn('months', text, (column) => column.notNull())
        .addColumn('expires_at', text, (column) => column.notNull())
        .execute()
      await schema
        .createIndex('subject_search_asker')
        .on('subject_search')
        .columns(['asked_by', 'asked_at'])
        .execute()
    },
  },
  'security-server-subjects-002': {
    async up(kysely: Kysely<unknown>) {
      const { integer } = columnTypes(kysely)
      // The first record for which the place was used. Null until the next run of the index.
      await kysely.schema.alterTable('subject_place').addColumn('from_index', integer).execute()
      // For existing declarations nobody noted it.
      await (kysely as Kysely<{ subject_place: { from_index: number } }>)
        .updateTable('subject_place')
        .set({ from_index: -1 })
        .execute()
    },
  },
}
