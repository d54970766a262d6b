/**
 * What renews itself, its steps, accounts at CAs, and the challenges that wait for a CA's look. All nodes of
 * a server share the tables; a renewal and an account belong to the node that has the keys.
 */
import type { Generated, Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes, identity } from '#platform/database/dialect.ts'
import type { Time, Whole } from '#schemas/sent-values.ts'

export type RenewalState = 'WAITING' | 'ORDERING' | 'REGISTERING' | 'ACTIVATING' | 'RETIRING'

export type RenewalTables = {
  certificate_renewal: {
    /** The usage, for signing certificates the member, and the node. */
    id: string
    /**
     * The node whose keys they are: it alone goes on with it. Empty until a node takes over what was begun
     * before nodes were named.
     */
    node: string
    usage: 'SIGNING' | 'AUTHENTICATION'
    member: string | null
    /** The name of the approved CA. */
    ca: string
    dns_name: string
    state: RenewalState
    is_stopped: Whole
    next_at: Time
    /** The certificate that is in use, and after a step to the next one, that one. */
    current: string | null
    key_id: string | null
    order_url: string | null
    next_certificate: string | null
    /** When the registration of `next_certificate` was first asked for, written before it is asked. */
    filed_at: Time | null
    /** Its number at the registry; null until the registry said that it has it. */
    filed_request: Whole | null
    /** A JSON list: certificates that it put out of use. */
    retired: string | null
    /** Until when both certificates stay in use. */
    settles_at: Time | null
    /** Since when its step waits for others without an end. */
    waits_since: Time | null
    tries: Whole
    error_code: string | null
    error_text: string | null
    changed_at: Time
    /** Rises with each change: a node that went on with an old row changes nothing. */
    revision: Whole
  }
  certificate_renewal_step: {
    id: Generated<Whole>
    renewal: string
    at: Time
    step: string
    detail: string
  }
  /** `kept` is the key, sealed by the token of the node that `id` begins with. */
  acme_account: { id: string; kept: string }
  acme_challenge: { token: string; answer: string; ends_at: string }
}

export const renewalMigrations: Record<string, Migration> = {
  'renewals-001': {
    up: async (kysely: Kysely<unknown>) => {
      const { text, integer } = columnTypes(kysely)
      let renewal = kysely.schema
        .createTable('certificate_renewal')
        .addColumn('id', text, (column) => column.primaryKey())
      for (const name of ['usage', 'ca', 'dns_name', 'state', 'next_at', 'changed_at'])
        renewal = renewal.addColumn(name, text, (column) => column.notNull())
      for (const name of ['is_stopped', 'tries', 'revision'])
        renewal = renewal.addColumn(name, integer, (column) => column.notNull())
      for (const name of [
        'member',
        'current',
        'key_id',
        'order_url',
        'next_certificate',
        'filed_at',
        'error_code',
        'error_text',
      ])
        renewal = renewal.addColumn(name, text)
      await renewal.execute()
      await kysely.schema
        .createTable('certificate_renewal_step')
        .addColumn('id', ...identity(kysely))
        .addColumn('renewal', text, (column) => column.notNull())
        .addColumn('at', text, (column) => column.notNull())
        .addColumn('step', text, (column) => column.notNull())
        .addColumn('detail', text, (column) => column.notNull())
        .execute()
      await kysely.schema
        .createTable('acme_account')
        .addColumn('id', text, (column) => column.primaryKey())
        .addColumn('kept', text, (column) => column.notNull())
        .execute()
      await kysely.schema
        .createTable('acme_challenge')
        .addColumn('token', text, (column) => column.primaryKey())
        .addColumn('answer', text, (column) => column.notNull())
        .addColumn('ends_at', text, (column) => column.notNull())
        .execute()
    },
  },
  'renewals-002': {
    up: async (kysely: Kysely<unknown>) => {
      const { text, integer } = columnTypes(kysely)
      await kysely.schema.alterTable('certificate_renewal').addColumn('filed_request', integer).execute()
      await kysely.schema
        .alterTable('certificate_renewal')
        .addColumn('node', text, (column) => column.notNull().defaultTo(''))
        .execute()
      for (const name of ['retired', 'settles_at', 'waits_since'])
        await kysely.schema.alterTable('certificate_renewal').addColumn(name, text).execute()
    },
  },
}
