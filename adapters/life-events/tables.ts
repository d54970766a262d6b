/** The tables of offers. What stands in them of people is sealed or a keyed digest. */
import type { Generated, Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes, identity } from '#platform/database/dialect.ts'
import type { OfferState } from '#schemas/offers.ts'

/** States in which a person can still answer. */
export const OPEN: readonly OfferState[] = ['offered', 'opened']

export type OfferRow = {
  id: string
  rule: string
  person: string
  happening: string
  state: string
  made_at: string
  /** When it is over; of one that ended, when it is deleted. */
  ends_at: string
  changed_at: string
  /** Of one that is being sent: when again. */
  next_try_at: string | null
  /** Null once it is erased. */
  content: Buffer | null
  code: string | null
  /** Which counter the code was given in at first; no other may use it. */
  code_client: string | null
  /** How often the code came with the code of another person, at pages without a login. */
  code_misses: number
  letter_at: string | null
  /** The clerk to whom the code of a letter opened it, and until when. */
  clerk: string | null
  clerk_until: string | null
}

type StepRow = { id: Generated<number>; offer: string; time: string; what: string; channel: string }

export type OfferTables = {
  life_offer: OfferRow
  life_step: StepRow
  /** What was taken back, also before it came. */
  life_taken_back: { happening: string; time: string }
  /** A single row that only the right key opens. */
  life_key: { id: string; content: Buffer }
}

export const offerMigrations: Record<string, Migration> = {
  'life-events-001': {
    async up(kysely: Kysely<unknown>) {
      const { text, blob } = columnTypes(kysely)
      const { schema } = kysely
      await schema
        .createTable('life_offer')
        .addColumn('id', text, (column) => column.primaryKey())
        .addColumn('rule', text, (column) => column.notNull())
        .addColumn('person', text, (column) => column.notNull())
        .addColumn('happening', text, (column) => column.notNull())
        .addColumn('state', text, (column) => column.notNull())
        .addColumn('made_at', text, (column) => column.notNull())
        .addColumn('ends_at', text, (column) => column.notNull())
        .addColumn('changed_at', text, (column) => column.notNull())
        .addColumn('content', blob)
        .addColumn('code', text)
        .addColumn('letter_at', text)
        .addColumn('clerk', text)
        .addColumn('clerk_until', text)
        // An event that comes twice makes one offer.
        .addUniqueConstraint('life_offer_once', ['rule', 'person', 'happening'])
        .execute()
      for (const columns of [['person'], ['happening'], ['code'], ['clerk'], ['state', 'ends_at']])
        await schema.createIndex(`life_offer_${columns[0]!}`).on('life_offer').columns(columns).execute()
      await schema
        .createTable('life_step')
        .addColumn('id', ...identity(kysely))
        .addColumn('offer', text, (column) => column.notNull())
        .addColumn('time', text, (column) => column.notNull())
        .addColumn('what', text, (column) => column.notNull())
        .addColumn('channel', text, (column) => column.notNull())
        .execute()
      await schema.createIndex('life_step_offer').on('life_step').columns(['offer']).execute()
      await schema
        .createTable('life_taken_back')
        .addColumn('happening', text, (column) => column.primaryKey())
        .addColumn('time', text, (column) => column.notNull())
        .execute()
      await schema
        .createTable('life_key')
        .addColumn('id', text, (column) => column.primaryKey())
        .addColumn('content', blob, (column) => column.notNull())
        .execute()
    },
  },
  'life-events-002': {
    async up(kysely: Kysely<OfferTables>) {
      const { text } = columnTypes(kysely)
      for (const column of ['next_try_at', 'code_client'])
        await kysely.schema.alterTable('life_offer').addColumn(column, text).execute()
      await kysely
        .updateTable('life_offer')
        .set(({ ref }) => ({ next_try_at: ref('changed_at') }))
        .where('state', '=', 'sending')
        .execute()
    },
  },
  'life-events-003': {
    async up(kysely: Kysely<OfferTables>) {
      const { integer } = columnTypes(kysely)
      await kysely.schema
        .alterTable('life_offer')
        .addColumn('code_misses', integer, (column) => column.notNull().defaultTo(0))
        .execute()
    },
  },
}
