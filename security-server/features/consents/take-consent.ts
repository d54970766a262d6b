/**
 * Finds the consent of a call and counts the call. Guarantees that a withdrawal is obeyed at once on its node
 * and within `GOOD_MS` on the others and on other servers, and that calls which a number bounds are counted
 * where the consents are kept before they are made. Those of standing consents without such a number go from
 * memory; they are written down within half a second.
 */
import { type Clock, hasPassed } from '#platform/clock.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import type { ConsentQuestion, Consents, TakenConsent } from '../../peer/consents.ts'
import { type ConsentSource, useOf } from './own-source.ts'
import { GOOD_MS } from './people-names.ts'
import type { UseRow } from './tables.ts'

const WRITE_MS = 500
const WRITE_AT_ONCE = 500
/** Calls that could not be written down; beyond, none is made, since the person could not see it. */
const MOST_UNWRITTEN = 10_000
const MOST_HELD = 50_000

type Held = { number: string; digest: string; until: number; at: number }

export type ConsentTaking = Consents & {
  /** These consents have ended here, or any may have: what is held of them is read again. */
  changed(ended?: readonly string[]): void
  /** Writes down what a node noted before and did not come to tell; of what is here already nothing twice. */
  resume(uses: readonly UseRow[]): void
  /** Writes down what waits. Throws when the database refuses. */
  write(): Promise<void>
  close(): Promise<void>
}

export function createConsentTaking(q: {
  source: ConsentSource
  clock: Clock
  log: Pick<Log, 'warn'>
}): ConsentTaking {
  const { source, clock, log } = q
  /** In the order in which they were found. */
  const held = new Map<string, Held>()
  let unwritten = new Set<UseRow>()
  let writing: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined
  let inWork: ReadonlySet<UseRow> = new Set()
  /** Those of which nobody knows whether they were written down. */
  const tried = new WeakSet<UseRow>()
  let failures = 0
  let changes = 0

  async function write(): Promise<void> {
    while (writing !== undefined) await writing.catch(() => undefined)
    if (unwritten.size === 0) return
    const batch = unwritten
    unwritten = new Set()
    inWork = batch
    writing = source.addUses([...batch])
    try {
      await writing
      failures = 0
    } catch (cause) {
      for (const use of batch) tried.add(use)
      unwritten = new Set([...batch, ...unwritten])
      failures += 1
      // The first of a row of them: the others say the same.
      if (failures === 1) {
        const { code, detail } = asFault(cause)
        log.warn({ outcome: code, detail }, 'calls under consents are not written down yet')
      }
      throw cause
    } finally {
      writing = undefined
      inWork = new Set()
    }
  }

  /** At once when there is much. What was refused rests, longer each time. */
  function writeLater(): void {
    const run = (): void => {
      timer = undefined
      void write().catch(writeLater)
    }
    const rest = Math.min(WRITE_MS * 2 ** Math.min(failures, 20), source.mostRestMs)
    if (unwritten.size >= WRITE_AT_ONCE && writing === undefined && failures === 0) run()
    else timer ??= setTimeout(run, rest).unref()
  }

  /** The key names the person, so nothing stays longer than it is good while consents are found. */
  function hold(key: string, found: Held, now: number): void {
    held.set(key, found)
    for (const [oldest, { at }] of held) {
      if (held.size <= MOST_HELD && !hasPassed(now, at, GOOD_MS)) break
      held.delete(oldest)
    }
  }

  /** Under a standing consent that no number bounds. */
  function fromMemory({ number, digest }: Held, ask: ConsentQuestion, now: number): TakenConsent {
    if (unwritten.size >= MOST_UNWRITTEN)
      throw new Fault('consent_unknown', { what: 'calls under consents cannot be written down' })
    const use = useOf(ask, number, now)
    unwritten.add(use)
    writeLater()
    const giveBack = async (): Promise<void> => {
      if (unwritten.delete(use) && !tried.has(use)) return
      await writing?.catch(() => undefined)
      unwritten.delete(use)
      await source.giveBack(use, ask).catch(() => undefined)
    }
    return { number, digest, giveBack }
  }

  return {
    async take(ask) {
      const now = clock()
      const key = heldAs(ask)
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
      if (before === changes) hold(key, fresh, now)
      return fromMemory(fresh, ask, now)
    },
    changed(ended) {
      if (ended?.length === 0) return
      changes += 1
      if (ended === undefined) held.clear()
      else for (const [key, { number }] of held) if (ended.includes(number)) held.delete(key)
    },
    resume(uses) {
      const waiting = new Set([...unwritten, ...inWork].map(keyOf))
      const others = uses.filter((use) => !waiting.has(keyOf(use)))
      for (const use of others.slice(0, Math.max(0, MOST_UNWRITTEN - unwritten.size))) unwritten.add(use)
      if (others.length > 0) writeLater()
    },
    write,
    async close() {
      await write().catch(() => undefined)
      clearTimeout(timer)
    },
  }
}

/** No part of it has a line feed. */
function heldAs({
  person: { type, identifier },
  client,
  terms: { contract, demand },
}: ConsentQuestion): string {
  return `${type}\n${identifier}\n${client}\n${contract}\n${demand}`
}

function keyOf({ number, time, request_id: id }: UseRow): string {
  return `${number} ${time} ${id}`
}
