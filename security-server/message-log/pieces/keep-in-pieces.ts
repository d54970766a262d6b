/**
 * Bodies of middle size in the log's database: their pieces are rows of the commit that writes their records.
 */
import { LARGEST_BLOCK, sealBody } from '../bodies/body-file.ts'
import type { BodyKeeper } from '../records/keep-larger-bodies.ts'
import { newPieceName } from './name.ts'

export const keepInPieces: BodyKeeper = {
  keep(bodies) {
    const sealed = bodies.map((body) => ({ name: newPieceName(), ...sealBody(body) }))
    return {
      kept: sealed.map(({ name, dataKey }) => ({ name, dataKey })),
      pieces: sealed.flatMap(({ name, pieces }) =>
        cut(Buffer.concat(pieces)).map((row) => ({ name, ...row })),
      ),
      // A commit that is not done leaves none.
      undo: () => undefined,
    }
  },
}

function cut(whole: Buffer): { start: number; octets: Buffer }[] {
  const count = Math.ceil(whole.length / LARGEST_BLOCK)
  return Array.from({ length: count }, (_, i) => ({
    start: i * LARGEST_BLOCK,
    octets: whole.subarray(i * LARGEST_BLOCK, (i + 1) * LARGEST_BLOCK),
  }))
}
