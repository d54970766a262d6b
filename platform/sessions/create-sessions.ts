/**
 * Sessions of persons. A session is a token of 256 random bits that only the browser has. It ends by disuse,
 * by age, by logout, and by every change of the person's rights.
 */
import { createHash, createHmac, randomBytes } from 'node:crypto'
import type { Clock } from '#platform/clock.ts'
import type { Database, Within } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import type { Time } from '#schemas/sent-values.ts'
import { createSessionStore, type Limits } from './store.ts'

type Session = {
  person: string
  csrfToken: string
  begunAt: Time
  endsAt: Time
  /** The passkey with which it began; undefined after a login at the provider. */
  passkey?: string
}

export type Sessions = {
  /** Begins a session, perhaps by a passkey, and returns its token, which cannot be read again. */
  begin(person: string, passkey?: string): Promise<string>
  /**
   * The session of this token; extends it, since it is used now. Undefined if there is none or it is over.
   */
  find(token: string | undefined): Promise<Session | undefined>
  end(token: string): Promise<void>
  /** In the transaction that locks, removes or changes the person: both are committed, or neither. */
  endAllOf(person: string, within: Within): Promise<void>
  /**
   * In the transaction of an act: throws `session_ended` if the person's session that began then was ended
   * meanwhile.
   */
  checkKept(person: string, begunAt: string, within: Within): Promise<void>
  /** In the transaction that removes the passkey: ends the sessions that it began. */
  endThoseOf(passkey: string, within: Within): Promise<void>
}

const IDLE_MS = 30 * 60_000
const ABSOLUTE_MS = 8 * 3_600_000
/** A use is recorded at most once a minute, so that reading pages does not write a row each time. */
const TOUCH_MS = 60_000
const MOST_OF_A_PERSON = 10
const TOKEN_FORM = /^[A-Za-z0-9_-]{43}$/

export function createSessions(q: { database: Database; clock: Clock }): Sessions {
  const store = createSessionStore(q.database)
  const iso = (ms: number): string => new Date(ms).toISOString()
  const limits = (): Limits => ({
    createdAfter: iso(q.clock() - ABSOLUTE_MS),
    usedAfter: iso(q.clock() - IDLE_MS),
  })
  return {
    begin: async (person, passkey) => {
      const token = randomBytes(32).toString('base64url')
      const at = iso(q.clock())
      const row = { digest: digestOf(token), person, created_at: at, used_at: at, passkey: passkey ?? null }
      await store.insert(row, limits(), MOST_OF_A_PERSON)
      return token
    },
    find: async (token) => {
      if (token === undefined || !TOKEN_FORM.test(token)) return undefined
      const row = await store.find(digestOf(token), limits())
      if (row === undefined) return undefined
      const now = q.clock()
      if (now - Date.parse(row.used_at) >= TOUCH_MS) await store.touch(row.digest, iso(now))
      const endsAt = iso(Math.min(now + IDLE_MS, Date.parse(row.created_at) + ABSOLUTE_MS))
      return {
        ...{ person: row.person, csrfToken: csrfTokenOf(token), begunAt: row.created_at, endsAt },
        ...(row.passkey === null ? {} : { passkey: row.passkey }),
      }
    },
    end: (token) => store.remove(digestOf(token)),
    endAllOf: (person, within) => store.removeAllOf(person, within),
    async checkKept(person, begunAt, within) {
      if (!(await store.isKept(person, begunAt, within))) throw new Fault('session_ended')
    },
    endThoseOf: (passkey, within) => store.removeThoseOf(passkey, within),
  }
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

/** Derived from the session token: only its holder knows it, and it does not reveal the token. */
function csrfTokenOf(token: string): string {
  return createHmac('sha256', token).update('csrf').digest('base64url')
}
