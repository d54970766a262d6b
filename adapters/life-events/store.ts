/**
 * The offers in the database. Guarantees that one happening makes a person one offer of a rule, however often
 * its event comes; that an offer goes from state to state one way; and that what was filled is erased when
 * the offer ends.
 */
import { randomBytes } from 'node:crypto'
import type { Kysely } from 'kysely'
import { migrate } from '#platform/database/migrate.ts'
import { inTransaction, openDatabase, tablesOf } from '#platform/database/open-database.ts'
import { whereOver } from '#platform/database/where-over.ts'
import type { AskedCall, FormField, OfferState, OfferStep, OfferValue, StepKind } from '#schemas/offers.ts'
import { type Decisions, decisions } from './decisions-store.ts'
import { letterCodes } from './letter-codes-store.ts'
import type { OfferKeys } from './offer-keys.ts'
import { type OfferRow, type OfferTables, OPEN, offerMigrations } from './tables.ts'

/** What is sealed of an offer. */
export type Content = {
  person: string
  /** The values of the event that calls use. */
  values: Record<string, string>
  filled?: Filled
  /** What is being sent: the same octets however often. */
  sending?: string
  /** Who sent it, as the exchange says it. */
  sentBy?: string
  number?: string
  outcome?: string
}

/** What the registers answered, by call and by field. */
export type Filled = {
  calls: Record<string, Pick<AskedCall, 'outcome' | 'code' | 'messageId'>>
  fields: Record<string, { value: OfferValue; source: NonNullable<FormField['source']> }>
}

export type KeptOffer = {
  id: string
  rule: string
  state: OfferState
  madeAt: string
  endsAt: string
  letterAt: string | undefined
  /** When it came into its state. */
  changedAt: string
  /** Undefined once it is erased. */
  content: Content | undefined
}

type Happened = {
  rule: string
  happening: string
  person: string
  values: Record<string, string>
  days: number
}
type Change = {
  state: OfferState
  content: Content | undefined
  what: StepKind
  channel: OfferStep['channel']
}

export type OfferStore = Decisions & {
  /** False for a happening that is known or was taken back. */
  add(q: Happened): Promise<boolean>
  /**
   * Takes open offers back, and tells those that were sent; remembers it for an event that comes later.
   * Returns the states that they had.
   */
  takeBack(happening: string): Promise<OfferState[]>
  find(id: string): Promise<KeptOffer | undefined>
  ofPerson(person: string): Promise<KeptOffer[]>
  ofClerk(clerk: string): Promise<KeptOffer[]>
  /** Changes an offer that is in one of these states. False, and nothing, for one that is not any more. */
  change(id: string, from: readonly OfferState[], to: Change): Promise<boolean>
  /**
   * Opens the form of one that is being sent again. One whose event was taken back meanwhile is taken back
   * instead.
   */
  reopen(id: string, content: Content, channel: Change['channel']): Promise<void>
  steps(id: string): Promise<OfferStep[]>
  /** Offers without an answer since `before`, to whose people no letter was written. */
  unanswered(rule: string, before: string, limit: number): Promise<KeptOffer[]>
  /**
   * Takes the code of the letter that `write` writes. False, and nothing is written, if the offer is not open
   * any more or has a letter, also of a run at the same time.
   */
  setCode(id: string, code: string, write: () => Promise<void>): Promise<boolean>
  /**
   * The offer of a code, which is open to the clerk for an hour; the code is of this counter alone from then
   * on.
   */
  useCode(code: string, by: { client: string; clerk: string }): Promise<KeptOffer | undefined>
  /**
   * The same at a page without a login, which binds no code: for who knows the code of the person, too, of an
   * offer of these rules. Five wrong persons end the code for pages; a counter takes it still.
   */
  useCodeAtPage(
    code: string,
    by: { clerk: string; person: string; rules: readonly string[] },
  ): Promise<KeptOffer | undefined>
  /** Of those that are being sent, whose time it is to be sent again; those that wait for longest first. */
  unsent(): Promise<KeptOffer[]>
  tryLater(id: string, afterMs: number): Promise<void>
  /** How many are being sent, by rule and since when. */
  sending(): Promise<{ rule: string; since: string }[]>
  /** Ends and deletes what is over; returns how many offers ended. */
  sweep(): Promise<number>
  close(): Promise<void>
}

const ENDED: ReadonlySet<OfferState> = new Set(['submitted', 'decided', 'declined', 'taken-back', 'over'])
const ERASED: ReadonlySet<OfferState> = new Set(['declined', 'taken-back', 'over'])
const MOST = 100
/** When an application is sent again that may not have arrived. */
export const SEND_AGAIN_MS = 30_000
/** The longest time from one attempt to the next. */
export const LONGEST_PAUSE_MS = 4_500_000
const DAY_MS = 86_400_000
/** A correction may come before its event by so long. */
const TAKEN_BACK_DAYS = 400
/** A decision may take so long. */
const UNDECIDED_DAYS = 800

type Options = { file: string; keys: OfferKeys; keepDays: number; clock: () => number }

/** Throws `database_error`, and `io_error` if another key sealed what is in it. */
export async function openOfferStore({ file, keys, keepDays, clock }: Options): Promise<OfferStore> {
  const database = await openDatabase(`sqlite:${file}`)
  try {
    await migrate(database, offerMigrations)
    await checkKey(tablesOf<OfferTables>(database), keys)
  } catch (thrown) {
    await database.close()
    throw thrown
  }
  const tables = tablesOf<OfferTables>(database)
  const time = (later = 0): string => new Date(clock() + later).toISOString()
  const opened = (row: OfferRow): KeptOffer => ({
    ...{ id: row.id, rule: row.rule, state: row.state as OfferState },
    ...{ madeAt: row.made_at, endsAt: row.ends_at, letterAt: row.letter_at ?? undefined },
    changedAt: row.changed_at,
    content: row.content === null ? undefined : keys.open<Content>(row.id, Buffer.from(row.content)),
  })
  const daysOf = (state: OfferState): number =>
    state === 'submitted' ? Math.max(keepDays, UNDECIDED_DAYS) : keepDays
  const step = (on: Kysely<OfferTables>, offer: string, what: StepKind, channel: OfferStep['channel']) =>
    on.insertInto('life_step').values({ offer, time: time(), what, channel }).execute()

  async function changeIn(on: Kysely<OfferTables>, id: string, from: readonly OfferState[], to: Change) {
    const { state, content, what, channel } = to
    const { numUpdatedRows } = await on
      .updateTable('life_offer')
      .set({
        ...{ state, changed_at: time() },
        next_try_at: state === 'sending' ? time(SEND_AGAIN_MS) : null,
        content: content === undefined || ERASED.has(state) ? null : keys.seal(id, content),
        ...(ENDED.has(state) && { ends_at: time(daysOf(state) * DAY_MS), code: null }),
        // Who has the letter besides the person has nothing once the person came themself.
        ...(state === 'opened' && channel !== 'letter' && { code: null, clerk: null, clerk_until: null }),
      })
      .where('id', '=', id)
      .where('state', 'in', [...from])
      .executeTakeFirst()
    if (Number(numUpdatedRows) === 0) return false
    await step(on, id, what, channel)
    return true
  }

  async function find(id: string): Promise<KeptOffer | undefined> {
    const row = await tables.selectFrom('life_offer').selectAll().where('id', '=', id).executeTakeFirst()
    return row && opened(row)
  }

  return {
    add: ({ rule, happening, person, values, days }) =>
      inTransaction(tables, async (on) => {
        const named = keys.digest('happening', happening)
        const back = await on
          .selectFrom('life_taken_back')
          .select('time')
          .where('happening', '=', named)
          .executeTakeFirst()
        if (back !== undefined) return false
        const id = randomBytes(16).toString('base64url')
        const content: Content = { person, values }
        const { numInsertedOrUpdatedRows } = await on
          .insertInto('life_offer')
          .values({
            ...{ id, rule, person: keys.digest('person', person), happening: named, state: 'offered' },
            ...{ made_at: time(), ends_at: time(days * DAY_MS), changed_at: time() },
            ...{
              content: keys.seal(id, content),
              next_try_at: null,
              code: null,
              code_client: null,
              code_misses: 0,
              letter_at: null,
              clerk: null,
              clerk_until: null,
            },
          })
          .onConflict((one) => one.columns(['rule', 'person', 'happening']).doNothing())
          .executeTakeFirst()
        if (Number(numInsertedOrUpdatedRows ?? 0) === 0) return false
        await step(on, id, 'offered', 'event')
        return true
      }),
    takeBack: (happening) =>
      inTransaction(tables, async (on) => {
        const named = keys.digest('happening', happening)
        await on
          .insertInto('life_taken_back')
          .values({ happening: named, time: time() })
          .onConflict((one) => one.column('happening').doNothing())
          .execute()
        const rows = await on.selectFrom('life_offer').selectAll().where('happening', '=', named).execute()
        const states: OfferState[] = []
        for (const row of rows) {
          const state = row.state as OfferState
          const to: Change = { state: 'taken-back', content: undefined, what: 'taken-back', channel: 'event' }
          if (await changeIn(on, row.id, OPEN, to)) states.push(state)
          else if (['sending', 'submitted', 'decided'].includes(state) && !(await isCorrected(on, row.id))) {
            await step(on, row.id, 'corrected', 'event')
            states.push(state)
          }
        }
        return states
      }),
    find,
    ofPerson: async (person) => {
      const rows = await tables
        .selectFrom('life_offer')
        .selectAll()
        .where('person', '=', keys.digest('person', person))
        .orderBy('made_at', 'desc')
        .limit(MOST)
        .execute()
      return rows.map(opened)
    },
    ofClerk: async (clerk) => {
      const rows = await tables
        .selectFrom('life_offer')
        .selectAll()
        .where('clerk', '=', keys.digest('clerk', clerk))
        .where('clerk_until', '>', time())
        .limit(MOST)
        .execute()
      return rows.map(opened)
    },
    change: (id, from, to) => inTransaction(tables, (on) => changeIn(on, id, from, to)),
    reopen: (id, content, channel) =>
      inTransaction(tables, async (on) => {
        // A correction that found it being sent left its end to this: a crash between the two would leave it
        // open for good.
        const state = (await isCorrected(on, id)) ? 'taken-back' : 'opened'
        await changeIn(on, id, ['sending'], { state, content, what: state, channel })
      }),
    steps: async (id) => {
      const rows = await tables
        .selectFrom('life_step')
        .select(['time', 'what', 'channel'])
        .where('offer', '=', id)
        .orderBy('id')
        .execute()
      return rows as OfferStep[]
    },
    unanswered: async (rule, before, limit) => {
      const rows = await tables
        .selectFrom('life_offer')
        .selectAll()
        .where('rule', '=', rule)
        .where('state', '=', 'offered')
        .where('letter_at', 'is', null)
        .where('made_at', '<=', before)
        .where('ends_at', '>', time())
        .orderBy('made_at')
        .limit(limit)
        .execute()
      return rows.map(opened)
    },
    setCode: (id, code, write) =>
      inTransaction(tables, async (on) => {
        const { numUpdatedRows } = await on
          .updateTable('life_offer')
          .set({ code: keys.digest('code', code), letter_at: time() })
          .where('id', '=', id)
          .where('state', 'in', [...OPEN])
          .where('letter_at', 'is', null)
          .executeTakeFirst()
        if (Number(numUpdatedRows) === 0) return false
        await step(on, id, 'letter', 'letter')
        // Within the transaction: what fails or ends here has no code, and is written anew.
        await write()
        return true
      }),
    ...letterCodes(tables, { keys, time, step, opened }),
    ...decisions(tables, { keys, opened, changeIn }),
    unsent: async () => {
      const rows = await tables
        .selectFrom('life_offer')
        .selectAll()
        .where('state', '=', 'sending')
        .where(whereOver('next_try_at', { now: time(), longestMs: LONGEST_PAUSE_MS }))
        .orderBy('next_try_at')
        .limit(MOST)
        .execute()
      return rows.map(opened)
    },
    tryLater: (id, afterMs) => tryAt(tables, id, time(afterMs)),
    sending: () => sendingIn(tables),
    sweep: () => sweep(tables, { now: time(), forgotten: time(-TAKEN_BACK_DAYS * DAY_MS), change: changeIn }),
    close: () => database.close(),
  }
}

async function tryAt(tables: Kysely<OfferTables>, id: string, next: string): Promise<void> {
  await tables
    .updateTable('life_offer')
    .set({ next_try_at: next })
    .where('id', '=', id)
    .where('state', '=', 'sending')
    .execute()
}

function sendingIn(tables: Kysely<OfferTables>): Promise<{ rule: string; since: string }[]> {
  return tables
    .selectFrom('life_offer')
    .select(['rule', ({ fn }) => fn.min('changed_at').as('since')])
    .where('state', '=', 'sending')
    .groupBy('rule')
    .execute()
}

async function isCorrected(on: Kysely<OfferTables>, offer: string): Promise<boolean> {
  const found = await on
    .selectFrom('life_step')
    .select('id')
    .where('offer', '=', offer)
    .where('what', '=', 'corrected')
    .executeTakeFirst()
  return found !== undefined
}

async function sweep(
  tables: Kysely<OfferTables>,
  q: {
    now: string
    forgotten: string
    change(on: Kysely<OfferTables>, id: string, from: readonly OfferState[], to: Change): Promise<boolean>
  },
): Promise<number> {
  const past = await tables
    .selectFrom('life_offer')
    .select(['id', 'state'])
    .where('ends_at', '<=', q.now)
    .where('state', '!=', 'sending')
    .limit(1000)
    .execute()
  let ended = 0
  for (const { id, state } of past)
    await inTransaction(tables, async (on) => {
      if (!ENDED.has(state as OfferState)) {
        const to: Change = { state: 'over', content: undefined, what: 'over', channel: 'event' }
        if (await q.change(on, id, OPEN, to)) ended += 1
        return
      }
      await on.deleteFrom('life_step').where('offer', '=', id).execute()
      await on.deleteFrom('life_offer').where('id', '=', id).where('ends_at', '<=', q.now).execute()
    })
  await tables.deleteFrom('life_taken_back').where('time', '<', q.forgotten).execute()
  return ended
}

/** With another key nobody would be found, and an event that comes again would make a second offer. */
async function checkKey(tables: Kysely<OfferTables>, keys: OfferKeys): Promise<void> {
  const kept = await tables.selectFrom('life_key').selectAll().executeTakeFirst()
  if (kept !== undefined) keys.open('life_key', Buffer.from(kept.content))
  else
    await tables
      .insertInto('life_key')
      .values({ id: '1', content: keys.seal('life_key', {}) })
      .onConflict((one) => one.column('id').doNothing())
      .execute()
}
