/** Tables of federation: external anchors, what happened to them, and the configurations that they lead to. */
import type { Migration } from 'kysely/migration'
import { columnTypes, identity } from '#platform/database/dialect.ts'

export const federationMigrations: Record<string, Migration> = {
  'registry-federation-001': {
    up: async (kysely) => {
      const type = columnTypes(kysely)
      let anchors = kysely.schema
        .createTable('external_anchor')
        .addColumn('sha256', type.text, (column) => column.primaryKey())
        .addColumn('anchor', type.blob, (column) => column.notNull())
      // `sources` and `examination` are JSON.
      for (const name of [
        ...['instance', 'hash', 'generated_at', 'sources', 'state'],
        ...['examined_at', 'examined_by', 'examination'],
      ])
        anchors = anchors.addColumn(name, type.text, (column) => column.notNull())
      await anchors.addColumn('decided_at', type.text).addColumn('decided_by', type.text).execute()
      await kysely.schema
        .createIndex('external_anchor_state')
        .on('external_anchor')
        .columns(['state', 'instance'])
        .execute()
      let events = kysely.schema.createTable('federation_event').addColumn('id', ...identity(kysely))
      for (const name of ['instance', 'anchor', 'act', 'at', 'by'])
        events = events.addColumn(name, type.text, (column) => column.notNull())
      await events.execute()
      let configurations = kysely.schema
        .createTable('federated_configuration')
        .addColumn('instance', type.text, (column) => column.primaryKey())
        .addColumn('anchor', type.text, (column) => column.notNull())
      for (const name of ['tried_at', 'failure', 'read_at', 'url', 'expires_at', 'learned', 'registration'])
        configurations = configurations.addColumn(name, type.text)
      await configurations
        .addColumn('version', type.integer)
        .addColumn('configuration_index', type.integer)
        .addColumn('shared', type.blob)
        .execute()
    },
  },
}
