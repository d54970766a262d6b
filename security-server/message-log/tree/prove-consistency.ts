/**
 * The proof, from tiles, that a tree of this log began with a smaller one. Anybody with both signed heads can
 * verify it.
 */
import { consistencyProof } from '#core/merkle/proofs.ts'
import { Fault } from '#schemas/fault.ts'
import type { LogDatabase } from '../log-store.ts'
import { createNodeReader } from './tiles.ts'

/**
 * `size` is that of the log. Throws `not_found` when it has fewer records, `invalid_input` when `first` is
 * the larger.
 */
export async function proveConsistency(
  log: Pick<LogDatabase, 'records' | 'tree'>,
  first: number,
  second: number,
  size: number,
): Promise<Buffer[]> {
  if (first > second) throw new Fault('invalid_input', { what: 'a tree does not shrink' })
  if (second > size) throw new Fault('not_found', { what: `a tree of ${second} records` })
  return consistencyProof(first, second, createNodeReader(log))
}
