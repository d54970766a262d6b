/** Tables of complaints: cases, what was written in them, and days on which there were too many. */
import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes, identity } from '#platform/database/dialect.ts'

export const complaintMigrations: Record<string, Migration> = {
  'security-server-complaints-001': {
    async up(kysely: Kysely<unknown>) {
      const { text, integer, blob } = columnTypes(kysely)
      const { schema } = kysely
      let complaint = schema.createTable('complaint').addColumn('id', ...identity(kysely))
      for (const name of [
        ...['number', 'subsystem', 'subject', 'asked_by', 'asked_id'],
        ...['use_client', 'use_service', 'use_contract', 'use_role', 'use_at', 'message_id', 'request_id'],
        ...['reason', 'state', 'opened_at', 'seen_at', 'answered_at', 'closed_at', 'due_at', 'finding'],
        'changed_at',
      ])
        complaint = complaint.addColumn(name, text, (column) => column.notNull())
      for (const name of ['record', 'told_in', 'wants_answer'])
        complaint = complaint.addColumn(name, integer, (column) => column.notNull())
      await complaint.addColumn('assignee', text).execute()
      await schema.createIndex('complaint_number').on('complaint').columns(['number']).unique().execute()
      for (const [name, columns] of [
        ['subject', ['subsystem', 'subject']],
        ['state', ['state', 'due_at']],
        ['opened', ['opened_at', 'asked_by']],
      ] as const)
        await schema
          .createIndex(`complaint_${name}`)
          .on('complaint')
          .columns([...columns])
          .execute()
      await schema
        .createTable('complaint_text')
        .addColumn('complaint', integer, (column) => column.notNull().references('complaint.id'))
        .addColumn('position', integer, (column) => column.notNull())
        .addColumn('written_by', text, (column) => column.notNull())
        .addColumn('author', text, (column) => column.notNull())
        .addColumn('asked_id', text, (column) => column.notNull())
        .addColumn('written_at', text, (column) => column.notNull())
        .addColumn('key_id', text, (column) => column.notNull())
        .addColumn('content', blob)
        .addPrimaryKeyConstraint('complaint_text_key', ['complaint', 'position'])
        .execute()
      await schema.createIndex('complaint_text_sealed').on('complaint_text').column('key_id').execute()
      await schema
        .createTable('complaint_storm')
        .addColumn('day', text, (column) => column.notNull())
        .addColumn('client', text, (column) => column.notNull())
        .addColumn('refused', integer, (column) => column.notNull())
        .addPrimaryKeyConstraint('complaint_storm_key', ['day', 'client'])
        .execute()
    },
  },
}
