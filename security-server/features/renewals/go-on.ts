/**
 * Goes on with renewals that are due, one after the other, each as far as it can go now; what fails is tried
 * again later.
 */
import { asFault, type Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { failed } from './acme/client.ts'
import { keptHere } from './kept-here.ts'
import { holds } from './order.ts'
import { removeEnded } from './remove-ended.ts'
import { iso, type RenewalRooms } from './rooms.ts'
import { isTime, nextTry } from './rules.ts'
import { STEPS } from './steps.ts'
import type { Renewal } from './store.ts'

/** A silent CA must not keep the renewals at other CAs waiting for longer. */
const MOST_MS = 240_000
const MOST_WAIT_MS = 24 * 3600_000
/** An order that was tried so often is given up for a new one: the CA never ends it. */
const MOST_TRIES_OF_AN_ORDER = 12
/** What leaves an order as it is: it may go on at the next try. */
const PASSING = [
  'acme_failed',
  'token_not_active',
  'global_conf_outdated',
  'database_error',
  'internal_error',
]

/** The renewals that are due and kept here, the longest due first. */
export async function dueOf(rooms: RenewalRooms): Promise<string[]> {
  const rows = await rooms.store.list()
  const due = await keptHere(
    rooms,
    rows.filter((row) => isDue(rooms, row)),
  )
  return due.toSorted((a, b) => Date.parse(a.next_at) - Date.parse(b.next_at)).map(({ id }) => id)
}

/** A certificate that was revoked, or that somebody removed, does not wait for the next look at the CA. */
function isDue({ clock, keys }: RenewalRooms, { is_stopped, next_at, state, current }: Renewal): boolean {
  if (is_stopped === 1) return false
  if (isTime(next_at, clock())) return true
  if (state !== 'WAITING' || current === null) return false
  return !holds(keys, current) || keys.certificate(current).ocsp.state === 'revoked'
}

export async function goOnWithAll(rooms: RenewalRooms, signal: AbortSignal): Promise<void> {
  for (const id of await dueOf(rooms)) {
    if (signal.aborted) return
    await goOn(rooms, id, signal)
  }
  for (const row of await keptHere(rooms, await rooms.store.list())) {
    if (signal.aborted) return
    await removeEnded(rooms, row).catch((thrown: unknown) =>
      rooms.log.warn(
        { err: asFault(thrown), renewal: row.id },
        'a certificate that ended could not be removed',
      ),
    )
  }
}

/** Undefined when another node goes on with it. */
async function takeOver(
  { store, node, clock, log }: RenewalRooms,
  row: Renewal,
): Promise<Renewal | undefined> {
  const at = iso(clock())
  try {
    const taken = await store.change(row, { node, changed_at: at })
    await store.copyAccounts(row.node, node)
    await store.note(row.id, { at, step: 'TAKEN_OVER', detail: node })
    log.info({ renewal: row.id, from: row.node }, 'this node goes on with a renewal of one that is gone')
    return taken
  } catch (thrown) {
    if (asFault(thrown).code === 'conflict') return undefined
    throw thrown
  }
}

async function goOn(rooms: RenewalRooms, id: string, ends: AbortSignal): Promise<void> {
  const signal = AbortSignal.any([ends, AbortSignal.timeout(MOST_MS)])
  const { store, clock, log } = rooms
  for (;;) {
    let row = await store.find(id)
    if (row === undefined || !isDue(rooms, row) || signal.aborted) return
    if (row.node !== rooms.node) {
      // Another may have taken it since the list was read.
      const [kept] = await keptHere(rooms, [row])
      row = kept && (await takeOver(rooms, kept))
    }
    if (row === undefined) return
    const before = row
    const save = async (set: Partial<Renewal>): Promise<Renewal> => (row = await store.change(row!, set))
    try {
      const { note, waitsFor, ...set } = await STEPS[before.state](rooms, before, save, signal)
      const at = iso(clock())
      const waits = waitsFor === undefined ? undefined : earliest(before.waits_since, at)
      if (waits !== undefined && clock() - Date.parse(waits) > longestWait(rooms, before, waits)) {
        await sayThatItWaits(rooms, before, waitsFor!, { ...set, changed_at: at, waits_since: waits })
        return
      }
      await save({
        ...{ ...set, tries: 0, error_code: null, error_text: null, changed_at: at },
        waits_since: waits ?? null,
      })
      if (note !== undefined || (set.state ?? before.state) !== before.state)
        await store.note(id, { at, step: set.state ?? before.state, detail: note ?? '' })
    } catch (thrown) {
      // This node ends: nothing failed, and the next start goes on.
      if (ends.aborted) return
      const fault = signal.aborted
        ? failed(say`it took longer than one try may take`, { cause: thrown })
        : asFault(thrown)
      log.warn(
        { err: fault, renewal: id, step: before.state, code: fault.code, detail: fault.detail },
        'a certificate was not renewed',
      )
      await fail(rooms, row, fault)
      return
    }
  }
}

/** Since when it waits: not since a time to come, which was written while the clock was ahead. */
function earliest(since: string | null, at: string): string {
  return since === null || since > at ? at : since
}

/**
 * A day, or a tenth of what is left of the present certificate: people have the rest for what they have to
 * do.
 */
function longestWait({ keys }: RenewalRooms, { current }: Renewal, since: string): number {
  if (current === null || !holds(keys, current)) return MOST_WAIT_MS
  return Math.min(MOST_WAIT_MS, (Date.parse(keys.certificate(current).notAfter) - Date.parse(since)) / 10)
}

/** It is looked at as often as before, and shown as failing meanwhile. */
async function sayThatItWaits(
  { store, log }: RenewalRooms,
  row: Renewal,
  { code, message, detail }: Fault,
  set: Partial<Renewal> & { changed_at: string },
): Promise<void> {
  // What failed before is over: it waits, and that is not counted in tries.
  await store.change(row, { ...set, tries: 0, error_code: code, error_text: message })
  if (row.error_text === message) return
  log.warn({ renewal: row.id, step: row.state, code, detail }, 'a renewal waits for others')
  await store.note(row.id, { at: set.changed_at, step: 'FAILED', detail: message.slice(0, 500) })
}

async function fail(
  { store, clock }: RenewalRooms,
  row: Renewal,
  fault: ReturnType<typeof asFault>,
): Promise<void> {
  const at = iso(clock())
  const isOver =
    !PASSING.includes(fault.code) || row.tries % MOST_TRIES_OF_AN_ORDER === MOST_TRIES_OF_AN_ORDER - 1
  const set = {
    ...{ tries: row.tries + 1, next_at: nextTry(clock(), row.tries, fault.retryAfter).toISOString() },
    ...{ error_code: fault.code, error_text: fault.message, changed_at: at },
    ...(isOver ? { order_url: null } : {}),
  }
  // Somebody hurried it or began it again meanwhile: that row is the newer one.
  const changed = await store.change(row, set).catch(() => undefined)
  if (changed !== undefined)
    await store.note(row.id, { at, step: 'FAILED', detail: fault.message.slice(0, 500) })
}
