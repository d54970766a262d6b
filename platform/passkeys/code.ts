/**
 * The code with which a person adds a passkey without another one, where passkeys confirm acts: somebody else
 * gives it, so that whoever took over a session in its first minutes adds none.
 */
import { createHash, randomBytes } from 'node:crypto'
import type { Clock } from '#platform/clock.ts'
import type { Within } from '#platform/database/open-database.ts'
import { createFailedTries } from '#platform/sessions/failed-tries.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { PasskeyStore } from './store.ts'

/** For as long as it takes to reach the person and for them to log in at the provider. */
const SERVES_MS = 24 * 3_600_000

export function createCodes(q: {
  store: Pick<PasskeyStore, 'within' | 'putCode' | 'useCode'>
  people: { find(id: string, within: Within): Promise<{ state: string } | undefined> }
  clock: Clock
}) {
  const failed = createFailedTries(q.clock)
  const iso = (ms: number): string => new Date(ms).toISOString()
  return {
    /**
     * A new code; an earlier one of this person serves no more. Throws `not_found`, `conflict` for somebody
     * who cannot come in.
     */
    async give(person: string): Promise<{ code: string; endsAt: string }> {
      // 80 bits, in a form that can be read out: 3f9a 07c2 ...
      const code = randomBytes(10)
        .toString('hex')
        .replaceAll(/(....)(?=.)/g, '$1 ')
      const endsAt = iso(q.clock() + SERVES_MS)
      await q.store.within(async (within) => {
        const found = await q.people.find(person, within)
        if (found === undefined) throw new Fault('not_found', { what: say`the person ${person}` })
        if (found.state !== 'active' && found.state !== 'invited')
          throw new Fault('conflict', {
            what: say`the person is ${found.state}, so no code would serve them`,
          })
        await q.store.putCode({ person, digest: digestOf(code), ends_at: endsAt }, within)
      })
      return { code, endsAt }
    },
    /** A code that the person has proved already serves for a passkey, too. */
    accept: (person: string, code: string, within: Within): Promise<void> =>
      q.store.putCode({ person, digest: digestOf(code), ends_at: iso(q.clock() + SERVES_MS) }, within),
    /**
     * Before anything is verified. Throws `passkey_code_wrong` without one, `too_many_requests` after ten
     * wrong ones.
     */
    check(person: string, code: string | undefined): void {
      failed.check(person, say`too many wrong codes`)
      if (code === undefined) throw new Fault('passkey_code_wrong')
    },
    /** Uses the code up in this transaction. Throws `passkey_code_wrong`. */
    async use(person: string, code: string, within: Within): Promise<void> {
      if (await q.store.useCode({ person, digest: digestOf(code), at: iso(q.clock()) }, within)) return
      failed.count(person)
      throw new Fault('passkey_code_wrong')
    },
  }
}

/** Under which a code is kept. Spaces and capitals do not matter. */
function digestOf(code: string): Buffer {
  const bare = code.replaceAll(/\s/g, '').toLowerCase()
  return createHash('sha256').update('passkey code ').update(bare).digest()
}
