/**
 * Finds the consent of a call and counts the call. Guarantees that a withdrawal is obeyed at once on its node and within `GOOD_MS` on the
 * others, and that calls which a number bounds are counted in the database before they are made. Those of standing consents without such a
 * number go from memory; they are written down within half a second.
 */
import { type Clock, hasPassed } from '#platform/clock.ts'
import { Fault } from '#schemas/fault.ts'
import type { ConsentQuestion, Consents, TakenConsent } from '../../peer/consents.ts'
import { GOOD_MS, type NameOf } from './people-names.ts'
import { stateOf } from './state-of.ts'
import type { ConsentStore } from './store.ts'
import { nextStretch, stretchOf } from './stretches.ts'
import type { ConsentRow, UseRow } from './tables.ts'

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
  store: Pick<ConsentStore, 'newest' | 'count' | 'giveBack' | 'addUses'>
  nameOf: NameOf
  clock: Clock
}): ConsentTaking {
  const { store, nameOf, clock } = q
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
    writing = store.addUses([...batch])
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
  function fromMemory({ number, digest }: Held, use: UseRow): TakenConsent {
    if (unwritten.size >= MOST_UNWRITTEN)
      throw new Fault('consent_unknown', { what: 'calls under consents cannot be written down' })
    unwritten.add(use)
    writeLater()
    const giveBack = async (): Promise<void> => {
      if (unwritten.delete(use)) return
      await writing?.catch(() => undefined)
      if (!unwritten.delete(use)) await store.giveBack(use).catch(() => undefined)
    }
    return { number, digest, giveBack }
  }

  async function counted(row: ConsentRow, use: UseRow, ask: ConsentQuestion, now: number) {
    const { frequency } = ask.terms.rule
    const stretch = frequency === undefined ? '' : stretchOf(now, frequency.per)
    if (await known(store.count(use, { stretch, most: frequency?.times }))) {
      const giveBack = (): Promise<void> => store.giveBack(use, stretch).catch(() => undefined)
      return { number: row.number, digest: row.digest, giveBack }
    }
    const after = await known(store.newest(row))
    if (after === undefined) throw missing(ask)
    refuseEnded(after, ask, now)
    const again = frequency === undefined ? '' : `, again at ${nextStretch(now, frequency.per)}`
    throw new Fault('consent_used_up', { what: `${ask.terms.contract}${again}` })
  }

  return {
    async take(ask) {
      const { client, terms, service, ids } = ask
      const now = clock()
      const person = await known(nameOf(ask.person))
      const key = JSON.stringify([person, client, terms.contract, terms.demand])
      const use = (number: string): UseRow => ({
        ...{ number, time: new Date(now).toISOString(), service },
        ...{ request_id: ids.requestId, message_id: ids.id },
      })
      const kept = held.get(key)
      if (kept !== undefined && now < kept.until && !hasPassed(now, kept.at, GOOD_MS))
        return fromMemory(kept, use(kept.number))
      held.delete(key)
      const before = changes
      const row = await known(store.newest({ person, client, contract: terms.contract }))
      if (row === undefined || row.demand !== terms.demand) throw missing(ask)
      refuseEnded(row, ask, now)
      if (row.kind === 'once' || terms.rule.frequency !== undefined)
        return counted(row, use(row.number), ask, now)
      const { number, digest } = row
      const fresh = { number, digest, until: Date.parse(row.valid_until), at: now }
      if (before === changes) {
        if (held.size >= MOST_HELD) held.clear()
        held.set(key, fresh)
      }
      return fromMemory(fresh, use(number))
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

/** Throws `consent_ended` and `consent_used_up`. Which of the two ends it was is the person's to tell. */
function refuseEnded(row: ConsentRow, { terms }: ConsentQuestion, now: number): void {
  const state = stateOf(row, now)
  if (state === 'ACTIVE') return
  if (state === 'USED_UP')
    throw new Fault('consent_used_up', { what: `${terms.contract}: it was for one call` })
  throw new Fault('consent_ended', { what: terms.contract })
}

function missing({ terms, client }: ConsentQuestion): Fault {
  return new Fault('consent_missing', { what: `${terms.contract}, ${client}` })
}

async function known<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked
  } catch (cause) {
    throw new Fault('consent_unknown', { cause, retryAfter: 1 })
  }
}
