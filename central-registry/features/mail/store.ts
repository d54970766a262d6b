/** Rows of members' mail addresses and of the outbox. */
import type { Kysely } from 'kysely'
import type { Fields } from '#core/mail/mail-address.ts'
import { tablesOf, type Within } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import { idText, type MemberId } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import type { Whole } from '#schemas/sent-values.ts'
import { type Change, counted, mustBe, type Page, type Tabled, textContains } from '../../changes/store.ts'
import { mustBeRegistered } from '../../members/store.ts'
import type { MailState, Tables } from './tables.ts'

export type MailStore = ReturnType<typeof createMailStore>
/** Selects messages by state, where UNDELIVERED means REFUSED or GIVEN_UP, whose recipient contains `q`. */
export type Seen = { q?: string | undefined; state?: MailState | 'UNDELIVERED' | undefined }
/** `text` is the name of a subject and a body in the catalogue. */
type NewMail = { recipient: string; text: string; fields: Fields }

const KEPT_MS = 30 * 86_400_000

export function createMailStore(database: Tabled, record: Change<Tables>) {
  const tables = tablesOf<Tables>(database)

  const rowIn = async (kysely: Kysely<Tables>, id: number) =>
    mustBe(
      `the message ${id}`,
      await kysely.selectFrom('mail_message').selectAll().where('id', '=', id).executeTakeFirst(),
    )

  const seen = ({ q = '', state }: Seen) =>
    tables
      .selectFrom('mail_message')
      .$if(state !== undefined, (query) =>
        query.where('state', 'in', state === 'UNDELIVERED' ? ['REFUSED', 'GIVEN_UP'] : [state!]),
      )
      .$if(q !== '', (query) => query.where(textContains('recipient', q)))

  return {
    addressesOf: async (member: string): Promise<string[]> => addressesIn(tables, [member]),
    setAddresses: (member: MemberId, addresses: string[]) =>
      record(async (transaction) => {
        await mustBeRegistered(transaction, member)
        const key = idText(member)
        await transaction.deleteFrom('member_mail_address').where('member', '=', key).execute()
        for (const address of addresses)
          await transaction.insertInto('member_mail_address').values({ member: key, address }).execute()
      }),
    row: (id: number) => rowIn(tables, id),
    list: ({ offset, limit, ...those }: Page & Seen) =>
      seen(those).selectAll().orderBy('id', 'desc').offset(offset).limit(limit).execute(),
    count: (those: Seen): Promise<Whole> => counted(seen(those)),
    undeliveredSince: async (from: string, limit: number): Promise<{ id: number; at: string }[]> =>
      (
        await seen({ state: 'UNDELIVERED' })
          .select(['id', 'ended_at'])
          .where('ended_at', '>=', from)
          .orderBy('id', 'desc')
          .limit(limit)
          .execute()
      ).map(({ id, ended_at }) => ({ id, at: ended_at! })),
    /** Records a failed try that will be repeated. */
    tried: async (id: number, error: string): Promise<void> => {
      await tables
        .updateTable('mail_message')
        .set(({ eb }) => ({ attempts: eb('attempts', '+', 1), last_error: error }))
        .where('id', '=', id)
        .execute()
    },
    end: async (
      id: number,
      state: Exclude<MailState, 'WAITING'>,
      error: string | null,
      now: number,
    ): Promise<void> => {
      await tables
        .updateTable('mail_message')
        .set(({ eb }) => ({
          ...{ state, last_error: error, ended_at: new Date(now).toISOString() },
          attempts: eb('attempts', '+', 1),
        }))
        .where('id', '=', id)
        .execute()
    },
    /** Deletes messages that ended long ago, because they contain addresses. */
    forget: async (now: number): Promise<void> => {
      await tables
        .deleteFrom('mail_message')
        .where('ended_at', '<', new Date(now - KEPT_MS).toISOString())
        .execute()
    },
    /**
     * Sets a message that was not delivered to WAITING again; `then` enqueues its job in the same
     * transaction.
     */
    retry: (id: number, now: number, then: (transaction: Within) => Promise<void>) =>
      record(async (transaction) => {
        mustBeUndelivered(await rowIn(transaction, id))
        await waitAnew(transaction, id, now)
        await then(transaction)
      }),
    /** Does the same for messages that were given up, the oldest first; returns how many. */
    retryGivenUp: (
      now: number,
      most: number,
      then: (transaction: Within, id: number) => Promise<void>,
    ): Promise<number> =>
      record(async (transaction) => {
        const rows = await transaction
          .selectFrom('mail_message')
          .select('id')
          .where('state', '=', 'GIVEN_UP')
          .orderBy('id')
          .limit(most)
          .execute()
        for (const { id } of rows) {
          await waitAnew(transaction, Number(id), now)
          await then(transaction, Number(id))
        }
        return rows.length
      }),
    /** Deletes a message that was not delivered. Throws `not_found` or `conflict`. */
    remove: (id: number) =>
      record(async (transaction) => {
        mustBeUndelivered(await rowIn(transaction, id))
        await transaction.deleteFrom('mail_message').where('id', '=', id).execute()
      }),
  }
}

async function waitAnew(transaction: Kysely<Tables>, id: number, now: number): Promise<void> {
  await transaction
    .updateTable('mail_message')
    .set({ state: 'WAITING', ended_at: null, tried_since: new Date(now).toISOString() })
    .where('id', '=', id)
    .execute()
}

function mustBeUndelivered({ id, state }: { id: number; state: MailState }): void {
  if (state === 'WAITING' || state === 'SENT')
    throw new Fault('conflict', { what: say`the message ${id} is ${state.toLowerCase()}` })
}

/** The mail addresses of these members. */
export async function addressesIn(kysely: Kysely<Tables>, members: string[]): Promise<string[]> {
  if (members.length === 0) return []
  const rows = await kysely
    .selectFrom('member_mail_address')
    .select('address')
    .where('member', 'in', members)
    .orderBy('address')
    .execute()
  return [...new Set(rows.map(({ address }) => address))]
}

/** Inserts messages into the outbox within the caller's transaction; returns their ids. */
export async function insertMail(
  transaction: Kysely<Tables>,
  mails: NewMail[],
  at: string,
): Promise<number[]> {
  const ids: number[] = []
  for (const { recipient, text, fields } of mails) {
    const { id } = await transaction
      .insertInto('mail_message')
      .values({
        recipient,
        text,
        fields: JSON.stringify(fields),
        created_at: at,
        tried_since: at,
        state: 'WAITING',
      })
      .returning('id')
      .executeTakeFirstOrThrow()
    ids.push(Number(id))
  }
  return ids
}
