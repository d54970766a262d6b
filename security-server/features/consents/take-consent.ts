/**
 * Finds the consent of a call and counts the call. Guarantees that a withdrawal is obeyed at once on its node and within `GOOD_MS` on the
 * others and on other servers, and that calls which a number bounds are counted where the consents are kept before they are made. Those of
 * standing consents without such a number go from memory; they are written down within half a second.
 */
import { type Clock, hasPassed } from '#platform/clock.ts'
import { Fault } from '#schemas/fault.ts'
import type { ConsentQuestion, Consents, TakenConsent } from '../../peer/consents.ts'
import { type ConsentSource, known, useOf } from './own-source.ts'
import { GOOD_MS, type NameOf } from './people-names.ts'
import type { UseRow } from './tables.ts'

const WRITE_MS = 500
const WRITE_AT_ONCE = 500
/** Calls that could not be written down; beyond, none is made, since the person could not see it. */
const MOST_UNWRITTEN = 10_000
const MOST_HELD = 50_000

type Held = { number: string; digest: string; until: number; at: number }

export type ConsentTaking = Consents & {
  /** Consents were given or withdrawn here: what is held is read again. */
  changed(): void
  /** Writes down what waits. Throws when the database refuses. */
  write(): Promise<void>
  close(): Promise<void>
}

export function createConsentTaking(q: {
  source: ConsentSource
  nameOf: NameOf
  clock: Clock
}): ConsentTaking {
  const { source, nameOf, clock } = q
  const held = new Map<string, Held>()
  let unwritten = new Set<UseRow>()
  let writing: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined
  let isRefused = false
  let changes = 0

  async function write(): Promise<void> {
    while (writing !== undefined) await writing.catch(() => undefined)
    if (unwritten.size === 0) return
    const batch = unwritten
    unwritten = new Set()
    writing = source.addUses([...batch])
    try {
      await writing
      isRefused = false
    } catch (cause) {
      isRefused = true
      unwritten = new Set([...batch, ...unwritten])
      throw cause
    } finally {
      writing = undefined
    }
  }

  /** At once when there is much, but not while the database refuses. */
  function writeLater(): void {
    const run = (): void => {
      timer = undefined
      void write().catch(writeLater)
    }
    if (unwritten.size >= WRITE_AT_ONCE && writing === undefined && !isRefused) run()
    else timer ??= setTimeout(run, WRITE_MS).unref()
  }

  /** Under a standing consent that no number bounds. */
  function fromMemory({ number, digest }: Held, ask: ConsentQuestion, now: number): TakenConsent {
    if (unwritten.size >= MOST_UNWRITTEN)
      throw new Fault('consent_unknown', { what: 'calls under consents cannot be written down' })
    const use = useOf(ask, number, now)
    unwritten.add(use)
    writeLater()
    const giveBack = async (): Promise<void> => {
      if (unwritten.delete(use)) return
      await writing?.catch(() => undefined)
      if (!unwritten.delete(use)) await source.giveBack(use, ask).catch(() => undefined)
    }
    return { number, digest, giveBack }
  }

  return {
    async take(ask) {
      const { client, terms } = ask
      const now = clock()
      const person = await known(nameOf(ask.person))
      const key = JSON.stringify([person, client, terms.contract, terms.demand])
      const kept = held.get(key)
      if (kept !== undefined && now < kept.until && !hasPassed(now, kept.at, GOOD_MS))
        return fromMemory(kept, ask, now)
      held.delete(key)
      const before = changes
      const found = await source.find(ask)
      const { number, digest } = found
      if ('counted' in found) {
        const giveBack = (): Promise<void> => source.giveBack(found.counted, ask).catch(() => undefined)
        return { number, digest, giveBack }
      }
      // From when it was asked for: another server takes its time to answer.
      const fresh = { number, digest, until: found.until, at: now }
      if (before === changes) {
        if (held.size >= MOST_HELD) held.clear()
        held.set(key, fresh)
      }
      return fromMemory(fresh, ask, now)
    },
    changed() {
      changes += 1
      held.clear()
    },
    write,
    async close() {
      await write().catch(() => undefined)
      clearTimeout(timer)
    },
  }
}
