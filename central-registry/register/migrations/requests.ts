/**
 * Tables of management requests, and of what approved requests set in the register: disabled clients,
 * maintenance.
 */
import type { Migration } from 'kysely/migration'
import { columnTypes, identity } from '#platform/database/dialect.ts'

export const requestMigrations: Record<string, Migration> = {
  'registry-requests-001': {
    up: async (kysely) => {
      const type = columnTypes(kysely)
      const table = (name: string) => kysely.schema.createTable(name)
      await kysely.schema
        .alterTable('server_client')
        .addColumn('is_disabled', type.integer, (column) => column.notNull().defaultTo(0))
        .execute()
      // Null: not in maintenance. '': in maintenance without a message.
      await kysely.schema.alterTable('security_server').addColumn('maintenance', type.text).execute()
      await table('management_request')
        .addColumn('id', ...identity(kysely))
        .addColumn('kind', type.text, (column) => column.notNull())
        .addColumn('state', type.text, (column) => column.notNull())
        // The owner of the server when the request was filed; the server may get another owner later.
        .addColumn('owner', type.text, (column) => column.notNull())
        .addColumn('server', type.text, (column) => column.notNull())
        .addColumn('client', type.text)
        .addColumn('subject', type.text, (column) => column.notNull())
        .addColumn('subject_digest', type.text, (column) => column.notNull())
        // The hash of subject and proofs, which an administrator approves.
        .addColumn('content_hash', type.text, (column) => column.notNull())
        .addColumn('filed_at', type.text, (column) => column.notNull())
        .addColumn('decided_at', type.text)
        .addColumn('decided_by', type.text)
        .addColumn('reason', type.text)
        // The changes that an approval made, as they were then.
        .addColumn('changes', type.text)
        .execute()
      // For the undecided requests of a subject, the requests of a server, and the work list.
      for (const column of ['subject_digest', 'server', 'state'])
        await kysely.schema
          .createIndex(`management_request_${column}`)
          .on('management_request')
          .column(column)
          .execute()
      await table('management_request_proof')
        .addColumn('request', identity(kysely)[0], (column) =>
          column.notNull().references('management_request.id'),
        )
        .addColumn('signer', type.text, (column) => column.notNull())
        .addColumn('facts', type.text, (column) => column.notNull())
        // The signed bytes as received, so that anybody who doubts a decision can verify them again.
        .addColumn('message', type.blob, (column) => column.notNull())
        .addPrimaryKeyConstraint('management_request_proof_key', ['request', 'signer'] as never[])
        .execute()
      // Ids of signed documents that were accepted, kept at least as long as their time would still be
      // accepted.
      await table('registration_document')
        .addColumn('id', type.text, (column) => column.primaryKey())
        .addColumn('kept_until', type.text, (column) => column.notNull())
        .execute()
      await table('member_webhook')
        .addColumn('member', type.text, (column) => column.primaryKey().references('member.id'))
        .addColumn('url', type.text, (column) => column.notNull())
        .execute()
      await table('automatic_approval')
        .addColumn('kind', type.text, (column) => column.notNull())
        .addColumn('member_class', type.text, (column) => column.notNull().references('member_class.code'))
        .addPrimaryKeyConstraint('automatic_approval_key', ['kind', 'member_class'] as never[])
        .execute()
    },
  },
}
