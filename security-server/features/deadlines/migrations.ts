/** The table of letters ahead of what ends, shared by all nodes of a server. */
import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes } from '#platform/database/dialect.ts'
import type { Time, Whole } from '#schemas/sent-values.ts'
import type { Thing } from './rules.ts'

/**
 * SUPERSEDED: a later threshold was passed before it left. SETTLED: what ended was replaced before it left.
 * REFUSED: the mail server refuses the address or the letter for good.
 */
export type LetterState = 'WAITING' | 'SENT' | 'SUPERSEDED' | 'SETTLED' | 'REFUSED' | 'GIVEN_UP'

export type DeadlineTables = {
  deadline_letter: {
    thing: string
    threshold: Whole
    recipient: string
    /** The `Message-ID` of every try. */
    id: string
    /** The node that alone sees the thing; empty for what all see. */
    node: string
    kind: Thing['kind']
    name: string
    ends_at: Time
    overdue: string | null
    state: LetterState
    created_at: Time
    next_at: Time
    ended_at: Time | null
    attempts: Whole
    last_error: string | null
  }
}

export const deadlineMigrations: Record<string, Migration> = {
  'security-server-deadlines-001': {
    up: async (kysely: Kysely<unknown>) => {
      const { text, integer } = columnTypes(kysely)
      let letter = kysely.schema.createTable('deadline_letter')
      for (const name of ['thing', 'recipient', 'id', 'node', 'kind', 'name', 'ends_at', 'state'])
        letter = letter.addColumn(name, text, (column) => column.notNull())
      for (const name of ['created_at', 'next_at'])
        letter = letter.addColumn(name, text, (column) => column.notNull())
      for (const name of ['overdue', 'ended_at', 'last_error']) letter = letter.addColumn(name, text)
      for (const name of ['threshold', 'attempts'])
        letter = letter.addColumn(name, integer, (column) => column.notNull())
      // The key is what makes sure that two nodes, or two starts, make one letter.
      await letter
        .addPrimaryKeyConstraint('deadline_letter_key', ['thing', 'threshold', 'recipient'] as never[])
        .addUniqueConstraint('deadline_letter_id', ['id'] as never[])
        .execute()
      await kysely.schema
        .createIndex('deadline_letter_next')
        .on('deadline_letter')
        .columns(['state', 'next_at'])
        .execute()
    },
  },
}
