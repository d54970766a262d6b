/**
 * What is written in a complaint is at rest under the keys of what waits in the database, each text bound to
 * its place.
 */
import { asFault } from '#schemas/fault.ts'
import type { ComplaintText } from '#schemas/find-usage.ts'
import type { ComplaintRooms } from './rooms.ts'
import type { Sealed } from './store.ts'
import type { TextRow } from './tables.ts'

export function sealerOf(number: string, text: string, { keys }: Pick<ComplaintRooms, 'keys'>): Sealed {
  return (position) => ({
    key_id: keys.current,
    content: keys.seal(placeOf(number, position), Buffer.from(text)),
  })
}

/** Where the key is not here, after a restore for example, the case is told without the words. */
export function openText(number: string, row: TextRow, rooms: Pick<ComplaintRooms, 'keys'>): ComplaintText {
  const text = wordsIn(number, row, rooms)
  const told = { by: row.written_by, at: row.written_at, text: text ?? '' }
  return text === undefined ? { ...told, isLost: true } : told
}

function wordsIn(
  number: string,
  { position, content }: TextRow,
  { keys }: Pick<ComplaintRooms, 'keys'>,
): string | undefined {
  if (content === null) return undefined
  try {
    return keys.open(placeOf(number, Number(position)), content).toString()
  } catch (thrown) {
    if (asFault(thrown).code === 'delivery_key_missing') return undefined
    throw thrown
  }
}

function placeOf(number: string, position: number): string {
  return `complaint ${number} text ${position}`
}
