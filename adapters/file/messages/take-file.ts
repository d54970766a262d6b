/**
 * One file that was delivered. Guarantees that it is taken only whole, that it is moved to `done` only when
 * all of its events are accepted, that what cannot be sent is set aside with the reason, and that a crash
 * between any two steps makes no event twice: the file is found where it was left, and its events have the
 * same ids.
 */

import { EventRefused, type HandOver } from '#adapters/kit/messages/hand-over.ts'
import { targetOf } from '#adapters/kit/messages/hand-to.ts'
import { createPlaces } from '#platform/in-turn.ts'
import { Fault } from '#schemas/fault.ts'
import { nameBehind } from '../file-name.ts'
import type { ReadFile } from '../read-file.ts'
import type { FileFacts } from '../source.ts'
import type { HeldToSchemas } from './hold-to-schema.ts'
import { checkFile, digestOf, eventsOf, type MadeEvent } from './make-events.ts'
import type { Places } from './places.ts'
import type { DropSettings, FileMessagesSettings } from './settings.ts'

export type TakeRooms = {
  places: Places
  /** Reads complete files in the folder `taken`. */
  readFile: ReadFile
  handOver: HandOver
  schemas: Pick<HeldToSchemas, 'check'>
  limits: FileMessagesSettings['limits']
  counted(outcome: 'done' | 'quarantine' | 'event'): void
}

const CHANGED =
  'It was changed when it was taken over, and another file of its name was there at once: deliver it again.'

/**
 * Out of the reach of whoever delivers; false when another file of this name is being taken, or it changed at
 * the last moment.
 */
export async function claimFile(
  facts: FileFacts,
  marker: string | undefined,
  rooms: TakeRooms,
): Promise<boolean> {
  const { name } = facts
  const { places } = rooms
  if (!(await places.move(name, 'drop', 'taken'))) return false
  const now = await places.source.taken.look(name)
  if (now === undefined || !isSame(now, facts)) {
    if (!(await places.move(name, 'taken', 'drop')) && (await places.has(name, 'taken')))
      await setAside(name, CHANGED, rooms)
    return false
  }
  if (marker !== undefined) await places.remove(name + marker, 'drop')
  return true
}

/**
 * Of a file in `taken`, whoever put it there. Throws what says nothing of this file: it is then tried again.
 */
export async function takeFile(
  name: string,
  drop: DropSettings,
  rooms: TakeRooms,
  signal: AbortSignal,
): Promise<void> {
  const { places, limits } = rooms
  let digest = ''
  try {
    await rooms.readFile(name, signal, async (file) => {
      digest = await checkFile(file, drop, limits)
      await rooms.schemas.check(file, drop)
      await file.checkSame()
      await sendAll(eventsOf(file, digest, drop, limits), drop, rooms, signal)
      await file.checkSame()
    })
  } catch (thrown) {
    signal.throwIfAborted()
    const why = reasonOf(thrown)
    if (why === undefined) throw thrown
    return setAside(name, why, rooms)
  }
  await moveToDone(name, digest, places)
  rooms.counted('done')
}

/** The reason is there before the file: nobody finds one without it. */
async function setAside(name: string, why: string, rooms: TakeRooms): Promise<void> {
  const { places } = rooms
  const [directory, text] = [places.directoryOf('quarantine'), Buffer.from(`${why}\n`)]
  for (const as of namesFor(name, String(Date.now()))) {
    const reason = nameBehind(as, '.reason.txt')
    const isFree =
      !(await places.has(as, 'quarantine')) && !(await places.holdsOther(directory, reason, text))
    if (!isFree) continue
    await places.put(directory, reason, text)
    await places.move(name, 'taken', 'quarantine', as)
    return rooms.counted('quarantine')
  }
}

/**
 * A name that is there already gets something behind it, and the same file of the same content none at all.
 */
async function moveToDone(name: string, digest: string, places: Places): Promise<void> {
  for (const as of namesFor(name, digest)) {
    if (await places.move(name, 'taken', 'done', as)) return
    if (!(await places.has(name, 'taken'))) return
    // Only what is there once more is removed.
    if (as !== name && (await digestOf(places.source.done, as, name)) === digest)
      return places.remove(name, 'taken')
  }
}

/** The name itself, then with `more` behind it, then with a number behind that. */
function* namesFor(name: string, more: string): Generator<string, never> {
  yield name
  yield nameBehind(name, `.${more}`)
  for (let nth = 2; ; nth++) yield nameBehind(name, `.${more}.${nth}`)
}

/**
 * Events of one key one after the other, others a few at once. The first refusal ends it, when those under
 * way have ended.
 */
async function sendAll(
  events: AsyncIterable<MadeEvent>,
  drop: DropSettings,
  { handOver, limits, counted }: TakeRooms,
  signal: AbortSignal,
): Promise<void> {
  const slots = createPlaces(limits.atOnce)
  const lanes = new Map<string, Promise<void>>()
  const underWay = new Set<Promise<void>>()
  let failure: { thrown: unknown } | undefined
  const send = async ({ bytes, row }: MadeEvent): Promise<void> => {
    if (failure !== undefined) return
    try {
      await handOver.accept(targetOf(drop), bytes, signal)
      counted('event')
    } catch (thrown) {
      failure ??= { thrown: thrown instanceof EventRefused ? new RefusedRow(row, thrown) : thrown }
    }
  }
  for await (const event of events) {
    if (failure !== undefined) break
    const { key } = event
    const before = key === undefined ? undefined : lanes.get(key)
    const sent = (before ?? Promise.resolve()).then(() => slots.run(() => send(event)))
    underWay.add(sent)
    if (key !== undefined) lanes.set(key, sent)
    void sent.then(() => {
      underWay.delete(sent)
      if (key !== undefined && lanes.get(key) === sent) lanes.delete(key)
    })
    if (underWay.size >= limits.atOnce * 2) await Promise.race(underWay)
  }
  await Promise.all(underWay)
  if (failure !== undefined) throw failure.thrown
}

class RefusedRow extends Error {
  constructor(row: number, cause: EventRefused) {
    const others =
      row === 0
        ? ''
        : ` It is row ${row}. Other rows were accepted, or may have been: deliver the corrected file with the wrong rows alone.`
    super(`The security server does not accept it: ${cause.message}${others}`, { cause })
  }
}

/** Undefined for what says nothing of the file. */
function reasonOf(thrown: unknown): string | undefined {
  if (thrown instanceof RefusedRow) return thrown.message
  if (thrown instanceof Fault && thrown.code === 'source_failed')
    return `It cannot be sent: ${thrown.what ?? thrown.message}.`
  return undefined
}

function isSame(one: FileFacts, other: FileFacts): boolean {
  return one.size === other.size && one.modified.getTime() === other.modified.getTime()
}
