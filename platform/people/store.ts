/**
 * Rows of people. Every change that removes or changes rights ends the person's sessions in the same
 * transaction.
 */
import { randomUUID } from 'node:crypto'
import type { Kysely, SelectQueryBuilder } from 'kysely'
import { lockFor } from '#platform/database/dialect.ts'
import { counted, type Page, textContains } from '#platform/database/lists.ts'
import { type Database, inTransaction, tablesOf, type Within } from '#platform/database/open-database.ts'
import { createPasskeyStore } from '#platform/passkeys/store.ts'
import type { Identity } from '#platform/sessions/client.ts'
import type { Sessions } from '#platform/sessions/create-sessions.ts'
import type { Admission } from '#platform/sessions/routes.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { Time, Uuid, Whole } from '#schemas/sent-values.ts'
import {
  type Act,
  checkMayHaveRoles,
  checkNotLast,
  type Invitation,
  type State,
  stateAfter,
} from './rules.ts'
import type { PeopleTables, PersonRow } from './tables.ts'

type Person = {
  id: Uuid
  name: string
  email: string | null
  subject: string | null
  roles: string[]
  state: State
  createdAt: Time
  lastLoginAt: Time | null
}
export type PeopleStore = ReturnType<typeof createPeopleStore>

const COLUMNS = [
  'id',
  'issuer',
  'subject',
  'email',
  'name',
  'roles',
  'state',
  'created_at',
  'last_login_at',
] as const
/** The most strangers who may be logged in at the same time before the registry is installed. */
const MOST_GUESTS = 20

export function createPeopleStore(q: {
  database: Database
  sessions: Pick<Sessions, 'endAllOf'>
  /** The provider of the people's subjects; undefined if no login is configured. */
  issuer: string | undefined
  /** Roles that at least one active person must have. */
  indispensable: readonly string[]
}) {
  const { indispensable, sessions } = q
  const passkeys = createPasskeyStore(q.database)
  const tables = tablesOf<PeopleTables>(q.database)
  const locked = <R>(act: (transaction: Kysely<PeopleTables>) => Promise<R>): Promise<R> =>
    inTransaction(tables, async (transaction) => {
      await lockFor(transaction, 'people')
      return act(transaction)
    })

  async function personIn(transaction: Kysely<PeopleTables>, id: string): Promise<Person> {
    const row = await rows(transaction).where('id', '=', id).executeTakeFirst()
    if (row === undefined) throw new Fault('not_found', { what: say`the person ${id}` })
    return personOf(row)
  }

  async function activeIn(transaction: Kysely<PeopleTables>): Promise<Person[]> {
    return (await rows(transaction).where('state', '=', 'active').execute()).map(personOf)
  }

  async function update(
    transaction: Kysely<PeopleTables>,
    id: string,
    values: Partial<PersonRow>,
  ): Promise<void> {
    await transaction.updateTable('person').set(values).where('id', '=', id).execute()
  }

  return {
    async list({ q: text = '', offset, limit }: Page): Promise<Person[]> {
      const found = await named(tables.selectFrom('person'), text)
        .select(COLUMNS)
        .orderBy('name')
        .orderBy('id')
        .offset(offset)
        .limit(limit)
        .execute()
      return found.map(personOf)
    },
    count: ({ q: text = '' }: Pick<Page, 'q'>): Promise<Whole> =>
      counted(named(tables.selectFrom('person'), text)),
    /** The number of active people with this role. */
    async activeWith(role: string): Promise<number> {
      return (await activeIn(tables)).filter(({ roles }) => roles.includes(role)).length
    },
    /** The number of people with this role who have come in and were not removed. */
    cameInWith: (role: string): Promise<number> => cameInWith(tables, role),
    /** In a transaction: until its end nobody locks or removes the person, or changes their roles. */
    find: (id: string, within?: Within): Promise<Person | undefined> => findPerson(tables, id, within),
    /** Throws `conflict` for a known person who is no guest nor removed. An invited guest's session ends. */
    invite: ({ email, subject, roles }: Invitation, at: string): Promise<Person> =>
      locked(async (transaction) => {
        const issuer = q.issuer
        if (issuer === undefined)
          throw new Fault('conflict', { what: say`no login is configured, so nobody could accept` })
        const all = await rows(transaction)
          .where((where) =>
            where.or([
              ...(email === null ? [] : [where('email', '=', email)]),
              ...(subject === null ? [] : [where.and({ issuer, subject })]),
            ]),
          )
          .execute()
        for (const { id } of all.filter(isGuest)) await forget(transaction, id)
        const known = all.filter((row) => !isGuest(row))
        const [one] = known
        const isSame = one?.subject === null || subject === null || one?.subject === subject
        if (known.length > 1 || (one !== undefined && (one.state !== 'removed' || !isSame)))
          throw new Fault('conflict', {
            what: say`a person with this e-mail address or subject is ${one?.state ?? known[0]!.state}`,
          })
        const values = {
          email: email ?? one?.email ?? null,
          issuer: subject === null ? (one?.issuer ?? null) : issuer,
          subject: subject ?? one?.subject ?? null,
          roles: roles.join(','),
          state: 'invited' as const,
        }
        const id = one?.id ?? randomUUID()
        if (one === undefined) {
          const row = { id, ...values, name: email ?? subject ?? '', created_at: at, last_login_at: null }
          await transaction.insertInto('person').values(row).execute()
        } else await update(transaction, id, values)
        return personIn(transaction, id)
      }),
    /**
     * Admits who proved their identity: an active person, or an invited one who becomes active. With `guests`
     * also strangers, without roles; an earlier guest keeps nobody from coming in by an invitation.
     */
    admit: (identity: Identity, at: string, guests: boolean): Promise<Admission> =>
      locked(async (transaction) => {
        const { issuer, subject, name } = identity
        const email = identity.email?.toLowerCase() ?? null
        const found = await rows(transaction)
          .where('issuer', '=', issuer)
          .where('subject', '=', subject)
          .executeTakeFirst()
        const guest = found !== undefined && isGuest(found) ? found : undefined
        const known =
          (guest === undefined ? found : undefined) ??
          (await rows(transaction)
            .where('email', '=', email)
            .where('subject', 'is', null)
            .where('state', '=', 'invited')
            .executeTakeFirst())
        if (known?.state === 'locked' || known?.state === 'removed')
          return { refused: known.state, id: known.id, name: known.name }
        // Who was a guest is invited meanwhile, or is a stranger again.
        if (guest !== undefined && (known !== undefined || !guests)) await forget(transaction, guest.id)
        const one = known ?? (guests ? guest : undefined)
        if (one !== undefined) {
          const values = { issuer, subject, name, state: 'active' as const, last_login_at: at }
          await update(transaction, one.id, values)
          return { id: one.id, name }
        }
        if (!guests) return { refused: 'unknown' }
        await forgetOldestGuest(transaction)
        const id = randomUUID()
        const row = { id, issuer, subject, name, email: null, roles: '', state: 'active' as const }
        await transaction
          .insertInto('person')
          .values({ ...row, created_at: at, last_login_at: at })
          .execute()
        return { id, name }
      }),
    /** Lets an active person with roles in again whose passkey was verified. Admits nobody new. */
    readmit: (id: string, at: string): Promise<Admission> =>
      locked(async (transaction) => {
        const row = await rows(transaction).where('id', '=', id).executeTakeFirst()
        if (row === undefined || row.state === 'invited' || row.roles === '') return { refused: 'unknown' }
        if (row.state !== 'active') return { refused: row.state, id, name: row.name }
        await update(transaction, id, { last_login_at: at })
        return { id, name: row.name }
      }),
    /** Locks, unlocks or removes a person. Throws `not_found`, or `conflict` if the rules do not allow it. */
    act: (id: string, act: Act, at: string): Promise<void> =>
      locked(async (transaction) => {
        const person = await personIn(transaction, id)
        const state = stateAfter(act, person)
        if (state !== 'active')
          checkNotLast(person, { rolesAfter: [], active: await activeIn(transaction), indispensable })
        await update(transaction, id, { state })
        await sessions.endAllOf(id, transaction)
        if (state === 'locked') await passkeys.lock(id, at, transaction)
        if (state === 'removed') await passkeys.removeAllOf(id, transaction)
      }),
    /** Throws `not_found`, or `conflict` if the last person with an indispensable role would lose it. */
    setRoles: (id: string, roles: string[]): Promise<Person> =>
      locked(async (transaction) => {
        const person = await personIn(transaction, id)
        checkMayHaveRoles(person)
        checkNotLast(person, { rolesAfter: roles, active: await activeIn(transaction), indispensable })
        await update(transaction, id, { roles: roles.join(',') })
        await sessions.endAllOf(id, transaction)
        return personIn(transaction, id)
      }),
    /** In the transaction that ends the ceremony: makes a guest an administrator. */
    async install(transaction: Kysely<PeopleTables>, id: string, roles: string[]): Promise<void> {
      const { numUpdatedRows } = await transaction
        .updateTable('person')
        .set({ roles: roles.join(',') })
        .where('id', '=', id)
        .where('state', '=', 'active')
        .executeTakeFirst()
      if (numUpdatedRows === 0n) throw new Fault('not_found', { what: say`the person ${id}` })
      await sessions.endAllOf(id, transaction)
    },
    /** In the transaction that ends the ceremony: deletes guests without roles. */
    async forgetGuests(transaction: Kysely<PeopleTables>): Promise<void> {
      for (const { id } of await guestsIn(transaction)) await forget(transaction, id)
    },
  }

  async function guestsIn(transaction: Kysely<PeopleTables>): Promise<{ id: string }[]> {
    return transaction
      .selectFrom('person')
      .select('id')
      .where('roles', '=', '')
      .orderBy('created_at')
      .execute()
  }

  async function forget(transaction: Kysely<PeopleTables>, id: string): Promise<void> {
    await sessions.endAllOf(id, transaction)
    await transaction.deleteFrom('person').where('id', '=', id).execute()
  }

  async function forgetOldestGuest(transaction: Kysely<PeopleTables>): Promise<void> {
    const guests = await guestsIn(transaction)
    const [oldest] = guests
    if (oldest !== undefined && guests.length >= MOST_GUESTS) await forget(transaction, oldest.id)
  }
}

function rows(kysely: Kysely<PeopleTables>) {
  return kysely.selectFrom('person').select(COLUMNS)
}

/** The number of people with this role who have come in and were not removed, as the transaction has it. */
export async function cameInWith(kysely: Kysely<PeopleTables>, role: string): Promise<number> {
  const found = await rows(kysely).where('state', 'in', ['active', 'locked']).execute()
  return found.map(personOf).filter(({ roles }) => roles.includes(role)).length
}

async function findPerson(
  tables: Kysely<PeopleTables>,
  id: string,
  within: Within | undefined,
): Promise<Person | undefined> {
  const kysely = within === undefined ? tables : tablesOf<PeopleTables>({ kysely: within })
  if (within !== undefined) await lockFor(kysely, 'people')
  const row = await kysely.selectFrom('person').select(COLUMNS).where('id', '=', id).executeTakeFirst()
  return row && personOf(row)
}

/** Whom nobody invited: they logged in while a code of the operator was open. */
function isGuest({ state, roles }: PersonRow): boolean {
  return state === 'active' && roles === ''
}

type People<R> = SelectQueryBuilder<PeopleTables, 'person', R>

/** People whose name, e-mail address or subject contains `text`. */
function named<R>(query: People<R>, text: string): People<R> {
  if (text === '') return query
  return query.where(({ or }) => or(['name', 'email', 'subject'].map((column) => textContains(column, text))))
}

function personOf(row: PersonRow): Person {
  const { id, name, email, subject, state } = row
  const roles = row.roles === '' ? [] : row.roles.split(',')
  return { id, name, email, subject, roles, state, createdAt: row.created_at, lastLoginAt: row.last_login_at }
}
