/** Tables of service contracts: versions, parties, seals, events, and notices that were given. */
import type { Migration } from 'kysely/migration'
import { graceHoursOf } from '#core/contract/grace-hours.ts'
import { columnTypes, identity } from '#platform/database/dialect.ts'
import { tablesOf } from '#platform/database/open-database.ts'
import type { ContractTerms } from '#schemas/contract.ts'
import { encodeSegment } from '#schemas/identifiers.ts'

/** Contracts per statement. */
const MANY = 500

export const contractMigrations: Record<string, Migration> = {
  'registry-contracts-001': {
    up: async (kysely) => {
      const type = columnTypes(kysely)
      const table = (name: string) => kysely.schema.createTable(name)
      const index = (on: string, ...columns: string[]) =>
        kysely.schema
          .createIndex(`${on}_${columns.join('_')}`)
          .on(on)
          .columns(columns)
          .execute()
      let versions = table('contract_version')
        .addColumn('contract', type.text, (column) => column.notNull())
        .addColumn('version', type.integer, (column) => column.notNull())
      const texts = ['hash', 'state', 'title', 'content', 'parties', 'valid_from', 'valid_until', 'review_at']
      for (const name of [...texts, 'proposed_at', 'proposed_by', 'changed_at'])
        versions = versions.addColumn(name, type.text, (column) => column.notNull())
      await versions
        .addColumn('critical', type.integer, (column) => column.notNull())
        .addColumn('global_group', type.text)
        .addColumn('reason', type.text)
        .addPrimaryKeyConstraint('contract_version_key', ['contract', 'version'] as never[])
        .execute()
      await index('contract_version', 'hash')
      await index('contract_version', 'state', 'valid_until')
      await index('contract_version', 'proposed_at')
      await index('contract_version', 'global_group')
      await table('contract_party')
        .addColumn('contract', type.text, (column) => column.notNull())
        .addColumn('version', type.integer, (column) => column.notNull())
        .addColumn('subsystem', type.text, (column) => column.notNull())
        .addColumn('member', type.text, (column) => column.notNull())
        .addColumn('role', type.text, (column) => column.notNull())
        .addPrimaryKeyConstraint('contract_party_key', ['contract', 'version', 'subsystem'] as never[])
        .execute()
      await index('contract_party', 'subsystem')
      await index('contract_party', 'member')
      await table('contract_seal')
        .addColumn('sha256', type.text, (column) => column.primaryKey())
        .addColumn('contract', type.text, (column) => column.notNull())
        .addColumn('version', type.integer, (column) => column.notNull())
        .addColumn('member', type.text, (column) => column.notNull())
        .addColumn('subsystems', type.text)
        .addColumn('facts', type.text, (column) => column.notNull())
        // The signed bytes as received: every receiver verifies them again.
        .addColumn('message', type.blob, (column) => column.notNull())
        .addColumn('sealed_at', type.text, (column) => column.notNull())
        .execute()
      await index('contract_seal', 'contract', 'version')
      await table('contract_event')
        .addColumn('id', ...identity(kysely))
        .addColumn('contract', type.text, (column) => column.notNull())
        .addColumn('version', type.integer, (column) => column.notNull())
        .addColumn('at', type.text, (column) => column.notNull())
        .addColumn('act', type.text, (column) => column.notNull())
        .addColumn('by', type.text, (column) => column.notNull())
        .addColumn('hash', type.text, (column) => column.notNull())
        .addColumn('reason', type.text)
        .execute()
      await index('contract_event', 'contract')
      await index('contract_event', 'by', 'at')
      await index('contract_version', 'proposed_by')
      await table('contract_notice')
        .addColumn('contract', type.text, (column) => column.notNull())
        .addColumn('version', type.integer, (column) => column.notNull())
        .addColumn('notice', type.text, (column) => column.notNull())
        .addColumn('at', type.text, (column) => column.notNull())
        .addPrimaryKeyConstraint('contract_notice_key', ['contract', 'version', 'notice'] as never[])
        .execute()
    },
  },
  'registry-contracts-002-review': {
    up: async (kysely) => {
      await kysely.schema
        .createIndex('contract_version_state_review_at')
        .on('contract_version')
        .columns(['state', 'review_at'])
        .execute()
    },
  },
  // Adds the service codes to the text that is searched.
  'registry-contracts-003-services': {
    up: async (kysely) => {
      const versions = tablesOf<{
        contract_version: { contract: string; version: number; content: string; parties: string }
      }>({ kysely })
      const ids = await versions.selectFrom('contract_version').select('contract').distinct().execute()
      for (let from = 0; from < ids.length; from += MANY) {
        const some = ids.slice(from, from + MANY).map(({ contract }) => contract)
        const rows = await versions
          .selectFrom('contract_version')
          .select(['contract', 'version', 'content', 'parties'])
          .where('contract', 'in', some)
          .execute()
        for (const { contract, version, content, parties } of rows) {
          const { services } = JSON.parse(content) as { services: { serviceCode: string }[] }
          const codes = services.map(({ serviceCode }) => encodeSegment(serviceCode))
          await versions
            .updateTable('contract_version')
            .set({ parties: [parties, ...codes].join(' ') })
            .where('contract', '=', contract)
            .where('version', '=', version)
            .execute()
        }
      }
    },
  },
  // The longest outage grace of contracts in force stands in each publication.
  'registry-contracts-006-grace': {
    up: async (kysely) => {
      const type = columnTypes(kysely)
      await kysely.schema
        .alterTable('contract_version')
        .addColumn('grace_hours', type.integer, (column) => column.notNull().defaultTo(0))
        .execute()
      await kysely.schema
        .createIndex('contract_version_grace_hours')
        .on('contract_version')
        .column('grace_hours')
        .execute()
      await kysely.schema.alterTable('publication').addColumn('grace_until', type.text).execute()
      const versions = tablesOf<{
        contract_version: { contract: string; version: number; content: string; grace_hours: number }
      }>({ kysely })
      const ids = await versions.selectFrom('contract_version').select('contract').distinct().execute()
      for (let from = 0; from < ids.length; from += MANY) {
        const some = ids.slice(from, from + MANY).map(({ contract }) => contract)
        const rows = await versions
          .selectFrom('contract_version')
          .select(['contract', 'version', 'content'])
          .where('contract', 'in', some)
          .execute()
        for (const { contract, version, content } of rows) {
          const hours = graceHoursOf(JSON.parse(content) as ContractTerms)
          if (hours === 0) continue
          await versions
            .updateTable('contract_version')
            .set({ grace_hours: hours })
            .where('contract', '=', contract)
            .where('version', '=', version)
            .execute()
        }
      }
    },
  },
}
