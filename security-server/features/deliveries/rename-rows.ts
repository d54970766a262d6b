/**
 * Guarantees that every row that this node can open is named by the key of today, before anything new is
 * taken: otherwise an event that comes again would not be recognised, and what follows it would not wait for
 * its lane. Rows of a version that named them by plain SHA-256, and those of a key that was replaced, get
 * their names anew.
 */
import { readEvent, STRUCTURED } from '#core/events/read-event.ts'
import { Fault } from '#schemas/fault.ts'
import type { ContentKeys } from './content-keys.ts'
import { keysOf, openFacts } from './facts.ts'
import type { Names } from './names.ts'
import type { createOldNames, NewNames, OldNamed } from './names-store.ts'

const AT_ONCE = 200

type Rooms = { keys: ContentKeys; names: Names; oldNames: ReturnType<typeof createOldNames> }

/** Call before anything is accepted or sent. An interrupted call is completed by the next one. */
export async function renameRows(rooms: Rooms): Promise<void> {
  const { names, oldNames } = rooms
  for (const box of ['outbox', 'inbox'] as const) {
    let after = 0
    for (;;) {
      const rows = await oldNames.some(box, { but: names.id, after, limit: AT_ONCE })
      if (rows.length === 0) break
      await oldNames.rename(
        box,
        rows.flatMap((row) => namesOf(row, rooms)),
      )
      after = rows.at(-1)!.position
    }
  }
}

/** None for a row whose key is not here: nobody works on it on this node. */
function namesOf(row: OldNamed, { keys, names }: Rooms): NewNames[] {
  try {
    const { client, service, position } = row
    const { source, id, terms } = openFacts(keys, row)
    const event = row.content === null ? undefined : keys.open(`event ${row.delivery}`, row.content)
    // What has ended needs no lane any more, and has no event that would tell it.
    const read =
      event === undefined
        ? { source, id, extensions: new Map() }
        : readEvent([['Content-Type', STRUCTURED]], event, { maxJsonBytes: event.length, mayDouble: true })
    const { event_key, lane, named_by } = keysOf({ client, service, event: read, names })
    return [{ position, event_key, lane, named_by, secrecy: terms.secrecy ?? 0 }]
  } catch (cause) {
    if (cause instanceof Fault && cause.code === 'delivery_key_missing') return []
    throw cause
  }
}
