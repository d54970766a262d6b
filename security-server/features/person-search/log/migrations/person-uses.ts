/**
 * For people who ask who used their data: which record answered a request about a person, and messages about
 * so many people that they are counted instead of told one by one. What was indexed before is told without
 * its outcome.
 */
import type { CreateTableBuilder, Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes } from '#platform/database/dialect.ts'

export const personUses: Migration = {
  up: async (kysely: Kysely<unknown>) => {
    const { text, integer, blob } = columnTypes(kysely)
    const { schema } = kysely
    await schema
      .createTable('subject_answer')
      .addColumn('idx', integer, (column) => column.primaryKey())
      .addColumn('answer_idx', integer, (column) => column.notNull())
      .addColumn('outcome', text, (column) => column.notNull())
      .execute()
    await schema
      .createTable('subject_mass')
      .addColumn('idx', integer, (column) => column.primaryKey())
      .execute()
    let uses: CreateTableBuilder<'mass_use', string> = schema.createTable('mass_use')
    uses = uses.addColumn('key', blob, (column) => column.notNull())
    for (const name of [
      'month',
      'direction',
      'client',
      'service',
      'contract',
      'purpose',
      'first_day',
      'last_day',
    ])
      uses = uses.addColumn(name, text, (column) => column.notNull())
    await uses
      .addColumn('secrecy', integer, (column) => column.notNull())
      .addColumn('messages', integer, (column) => column.notNull())
      .addPrimaryKeyConstraint('mass_use_key', ['month', 'key'])
      .execute()
  },
}
