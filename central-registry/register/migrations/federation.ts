/** Tables of federation: external anchors, their events, and the configurations that were fetched by them. */
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
  // Contracts between two instances: where a content was proposed, that our registry agreed, and what the
  // other one says.
  'registry-federation-002-contracts': {
    up: async (kysely) => {
      const type = columnTypes(kysely)
      await kysely.schema
        .alterTable('federated_configuration')
        .addColumn('shared_sha256', type.text)
        .execute()
      for (const name of ['origin', 'agreed_at'])
        await kysely.schema.alterTable('contract_version').addColumn(name, type.text).execute()
      let seals = kysely.schema
        .createTable('contract_counter_seal')
        .addColumn('sha256', type.text, (column) => column.primaryKey())
        .addColumn('version', type.integer, (column) => column.notNull())
        .addColumn('message', type.blob, (column) => column.notNull())
      for (const name of ['contract', 'hash', 'instance', 'certificate', 'sealed_at'])
        seals = seals.addColumn(name, type.text, (column) => column.notNull())
      await seals.execute()
      await kysely.schema
        .createIndex('contract_counter_seal_version')
        .on('contract_counter_seal')
        .columns(['contract', 'version', 'instance'])
        .execute()
      let states = kysely.schema
        .createTable('contract_partner')
        .addColumn('version', type.integer, (column) => column.notNull())
        .addColumn('reason', type.text)
      for (const name of ['contract', 'instance', 'hash', 'state', 'heard_at'])
        states = states.addColumn(name, type.text, (column) => column.notNull())
      await states
        .addPrimaryKeyConstraint('contract_partner_key', ['contract', 'version'] as never[])
        .execute()
    },
  },
}
