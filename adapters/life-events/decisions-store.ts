/**
 * How an application ends: it arrived, and it was decided. Guarantees that one transaction sees the state
 * that it changes, so that an offer is decided once, and that its number stays whichever of the two comes
 * first.
 */
import type { Kysely } from 'kysely'
import { inTransaction } from '#platform/database/open-database.ts'
import type { OfferState, OfferStep } from '#schemas/offers.ts'
import type { OfferKeys } from './offer-keys.ts'
import type { OfferRow, OfferTables } from './tables.ts'

/** What is left of an offer that was sent. */
type Content = { person: string; values: Record<string, string>; number?: string; outcome?: string }
type Kept = { rule: string; state: OfferState; content: { person: string; number?: string } | undefined }
type Change = {
  state: 'submitted' | 'decided'
  content: Content
  what: 'submitted' | 'decided'
  channel: OfferStep['channel']
}

export type Decisions = {
  /**
   * Undefined for an offer that this rule does not have; false for one that is decided already, or was never
   * sent.
   */
  decide(id: string, q: { rule: string; outcome: string }): Promise<boolean | undefined>
  /** The agency has the application, under this number if it said one. */
  arrived(id: string, q: { number: string | undefined; channel: OfferStep['channel'] }): Promise<void>
}

export function decisions(
  tables: Kysely<OfferTables>,
  q: {
    keys: OfferKeys
    opened(row: OfferRow): Kept
    changeIn(on: Kysely<OfferTables>, id: string, from: readonly OfferState[], to: Change): Promise<boolean>
  },
): Decisions {
  const keptIn = async (on: Kysely<OfferTables>, id: string): Promise<Kept | undefined> => {
    const row = await on.selectFrom('life_offer').selectAll().where('id', '=', id).executeTakeFirst()
    return row && q.opened(row)
  }
  return {
    decide: (id, { rule, outcome }) =>
      inTransaction(tables, async (on) => {
        const kept = await keptIn(on, id)
        if (kept === undefined || kept.rule !== rule) return undefined
        const content: Content = { person: kept.content?.person ?? '', values: {}, outcome }
        if (kept.content?.number !== undefined) content.number = kept.content.number
        // A decision says that the application arrived, also where its answer was lost, or the answer was
        // that it was not taken.
        const sent = await on
          .selectFrom('life_step')
          .select('id')
          .where('offer', '=', id)
          .where('what', '=', 'sending')
          .executeTakeFirst()
        const from = [
          'sending',
          'submitted',
          ...(sent === undefined ? [] : (['opened', 'over'] as const)),
        ] as const
        return q.changeIn(on, id, from, { state: 'decided', content, what: 'decided', channel: 'event' })
      }),
    arrived: (id, { number, channel }) =>
      inTransaction(tables, async (on) => {
        const { state, content } = (await keptIn(on, id)) ?? {}
        if (content === undefined) return
        const numbered = number === undefined ? {} : { number }
        if (state === 'sending') {
          const to: Content = { person: content.person, values: {}, ...numbered }
          await q.changeIn(on, id, ['sending'], {
            state: 'submitted',
            content: to,
            what: 'submitted',
            channel,
          })
        } else if (state === 'decided') {
          // The decision overtook the answer: only the number is still wanted.
          const sealed = q.keys.seal(id, { ...numbered, ...content })
          await on.updateTable('life_offer').set({ content: sealed }).where('id', '=', id).execute()
        }
      }),
  }
}
