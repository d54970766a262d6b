/** Reads a body from its pieces, a block at a time; whoever reads closes it as a file. */
import { Fault } from '#schemas/fault.ts'
import { LARGEST_BLOCK, type LocatedBody } from '../bodies/body-file.ts'
import type { PieceStore } from './store.ts'

/**
 * `onClose` is called once. Reading throws `log_inconsistent` when a piece is missing before another; that
 * the last ones are missing, or that a piece is another body's, is found when a chunk does not decrypt.
 */
export function openPieces(
  store: Pick<PieceStore, 'read'>,
  name: string,
  onClose: () => Promise<void> = async () => undefined,
): LocatedBody {
  let end = Number.POSITIVE_INFINITY
  const read: LocatedBody['file']['read'] = async (bytes, offset, length, position) => {
    if (position >= end) return { bytesRead: 0 }
    let at = position
    for (const { start, octets } of await store.read({
      ...{ name, start: position, end: position + length, most: LARGEST_BLOCK },
    })) {
      if (start !== at)
        throw new Fault('log_inconsistent', {
          what: `octets from ${at} on of a body in the database are missing`,
        })
      octets.copy(bytes, offset + at - position)
      at += octets.length
    }
    if (at === 0) throw new Fault('log_inconsistent', { what: 'a body in the database is missing' })
    if (at < position + length) end = at
    return { bytesRead: at - position }
  }
  return { file: { read, close: onClose }, start: 0, end: Number.POSITIVE_INFINITY }
}
