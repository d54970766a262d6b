/**
 * Tables of the addresses of contacts: which versions name them, whether they are confirmed, codes and
 * letters.
 */
import type { Migration } from 'kysely/migration'
import { columnTypes, identity } from '#platform/database/dialect.ts'
import { tablesOf } from '#platform/database/open-database.ts'
import type { RegisterTables } from '../tables.ts'

/** Versions per round, so that statements do not get too many parameters. */
const MANY = 500

export const contactMigrations: Record<string, Migration> = {
  'registry-contracts-004-contacts': {
    up: async (kysely) => {
      const type = columnTypes(kysely)
      const index = (on: string, ...columns: string[]) =>
        kysely.schema
          .createIndex(`${on}_${columns.join('_')}`)
          .on(on)
          .columns(columns)
          .execute()
      await kysely.schema
        .createTable('contract_contact')
        .addColumn('contract', type.text, (column) => column.notNull())
        .addColumn('version', type.integer, (column) => column.notNull())
        .addColumn('member', type.text, (column) => column.notNull())
        .addColumn('address', type.text, (column) => column.notNull())
        .addPrimaryKeyConstraint('contract_contact_key', [
          'contract',
          'version',
          'member',
          'address',
        ] as never[])
        .execute()
      await index('contract_contact', 'member', 'address')
      let addresses = kysely.schema.createTable('contact_address')
      for (const name of ['member', 'address', 'confirmed_until', 'asked_until', 'ask_at'])
        addresses = addresses.addColumn(name, type.text, (column) => column.notNull())
      await addresses
        .addColumn('confirmed_at', type.text)
        .addColumn('confirmed_by', type.text)
        .addColumn('refused_at', type.text)
        .addColumn('tries', type.integer, (column) => column.notNull())
        .addPrimaryKeyConstraint('contact_address_key', ['member', 'address'] as never[])
        .execute()
      await index('contact_address', 'address')
      await index('contact_address', 'confirmed_until')
      await index('contact_address', 'ask_at')
      await kysely.schema
        .createTable('contact_code')
        .addColumn('id', ...identity(kysely))
        .addColumn('member', type.text, (column) => column.notNull())
        .addColumn('address', type.text, (column) => column.notNull())
        .addColumn('digest', type.blob, (column) => column.notNull())
        .addColumn('expires_at', type.text, (column) => column.notNull())
        .execute()
      await index('contact_code', 'member', 'address')
      let letters = kysely.schema.createTable('contact_letter').addColumn('id', ...identity(kysely))
      for (const name of ['member', 'address', 'contract', 'asked_by', 'at'])
        letters = letters.addColumn(name, type.text, (column) => column.notNull())
      await letters.execute()
      await index('contact_letter', 'address')
      await index('contact_letter', 'contract')
      await index('contact_letter', 'asked_by', 'at')
    },
  },
  // Adds the contacts of existing contracts. The registry then asks them, some each minute.
  'registry-contracts-005-known-contacts': {
    up: async (kysely) => {
      const tables = tablesOf<RegisterTables>({ kysely })
      const states = ['PROPOSED', 'ACCEPTED', 'ACTIVE', 'SUSPENDED', 'EXPIRED'] as const
      const all = await tables
        .selectFrom('contract_version')
        .select(['contract', 'version'])
        .where('state', 'in', states)
        .orderBy('contract')
        .execute()
      for (let from = 0; from < all.length; from += MANY) {
        const ids = [...new Set(all.slice(from, from + MANY).map(({ contract }) => contract))]
        const rows = await tables
          .selectFrom('contract_version')
          .select(['contract', 'version', 'content', 'state'])
          .where('contract', 'in', ids)
          .where('state', 'in', states)
          .execute()
        for (const { contract, version, content, state } of rows) {
          const { contacts } = JSON.parse(content) as { contacts: { member: string; email: string }[] }
          for (const { member, email } of contacts) {
            const address = email.toLowerCase()
            await tables
              .insertInto('contract_contact')
              .values({ contract, version, member, address })
              .onConflict((conflict) => conflict.doNothing())
              .execute()
            if (state === 'PROPOSED' || state === 'EXPIRED') continue
            const nothing = { confirmed_until: '', asked_until: '', ask_at: NOW, tries: 0 }
            await tables
              .insertInto('contact_address')
              .values({
                member,
                address,
                ...nothing,
                confirmed_at: null,
                confirmed_by: null,
                refused_at: null,
              })
              .onConflict((conflict) => conflict.doNothing())
              .execute()
          }
        }
      }
    },
  },
}

/** Earlier than any clock, so that the addresses are due at once. */
const NOW = '1970-01-01T00:00:00.000Z'
