/**
 * Sessions of people, in memory and nowhere else. A session is a token of 256 random bits that only the
 * browser has, and whose digest alone is here. It ends by disuse, by age, by logout and with the process;
 * what is under way for it ends with it.
 */
import { createHash, createHmac, randomBytes } from 'node:crypto'
import type { Clock } from '#platform/clock.ts'
import type { PersonType } from '#schemas/mandates.ts'

/** `code` is the person's, as the registers know it. */
export type Person = { code: string; name: string }

/**
 * How a person signed in: at the country's provider, with a wallet, or with a passkey, by which they look and
 * give nothing.
 */
type SignedInBy = 'provider' | 'wallet' | 'passkey'
/** Somebody for whom the person of a session acts, as the register of mandates confirmed it. */
export type Acting = {
  /** As registers know them. */
  code: string
  name: string
  type: PersonType
  role: string
  /** The number of the mandate. */
  mandate: string
  /** When it ends (ms); absent where it has no end. */
  until?: number
}

/** How a person wants to read. */
export type Look = { language: string; large: boolean; easy: boolean }

export type Session = {
  person: Person
  by: SignedInBy
  /** Everything is asked for them, until it is undefined again. */
  acting?: Acting | undefined
  look: Look
  csrfToken: string
  begunAt: number
  /** When it ends at the latest, whatever is done. */
  endsAt: number
  /** Ends what is under way for the person. */
  ended: AbortSignal
}

export type Sessions = {
  begin(person: Person, look: Look, by?: SignedInBy): string
  /** The session of this token, which is used now; undefined if there is none or it is over. */
  find(token: string): Session | undefined
  end(token: string): void
  /** How many there are. */
  size(): number
  close(): void
}

type Kept = Session & { usedAt: number; controller: AbortController }

const SWEEP_MS = 15_000
/** Of one person: more than they have devices, and too few to sign others out. */
const MOST_OF_ONE = 20

export function createSessions(q: { clock: Clock; idleMs: number; wholeMs: number; most: number }): Sessions {
  const kept = new Map<string, Kept>()
  const isOver = ({ usedAt, endsAt }: Kept): boolean => {
    const now = q.clock()
    return now >= endsAt || now - usedAt >= q.idleMs
  }
  const remove = (key: string): void => {
    kept.get(key)?.controller.abort()
    kept.delete(key)
  }
  const sweep = (): void => {
    for (const [key, session] of kept) if (isOver(session)) remove(key)
  }
  /** The one that was used longest ago is the first. */
  const ofPerson = ({ code }: Person): string[] =>
    [...kept].flatMap(([key, session]) => (session.person.code === code ? [key] : []))
  // A person who went away is forgotten, also if nobody else comes.
  const timer = setInterval(sweep, SWEEP_MS).unref()
  return {
    begin(person, look, by = 'provider') {
      // A person with too many sessions loses their own oldest, so that nobody signs others out by signing in
      // often.
      const own = ofPerson(person)
      if (own.length >= MOST_OF_ONE) remove(own[0]!)
      // The one that was used longest ago gives way: memory is bounded, and a login is dearer than a page.
      if (kept.size >= q.most) remove(kept.keys().next().value as string)
      const token = randomBytes(32).toString('base64url')
      const controller = new AbortController()
      const now = q.clock()
      kept.set(digestOf(token), {
        ...{ person, by, look, controller, ended: controller.signal, usedAt: now },
        csrfToken: createHmac('sha256', token).update('csrf').digest('base64url'),
        ...{ begunAt: now, endsAt: now + q.wholeMs },
      })
      return token
    },
    find(token) {
      const key = digestOf(token)
      const session = kept.get(key)
      if (session === undefined) return undefined
      if (isOver(session)) {
        remove(key)
        return undefined
      }
      session.usedAt = q.clock()
      kept.delete(key)
      kept.set(key, session)
      return session
    },
    end: (token) => remove(digestOf(token)),
    size: () => kept.size,
    close() {
      clearInterval(timer)
      for (const key of [...kept.keys()]) remove(key)
    },
  }
}

function digestOf(token: string): string {
  return createHash('sha256').update(token).digest('base64url')
}
