/** The proof, from tiles, that a tree of this log began with a smaller one. Anybody with both signed heads can verify it. */
import { consistencyProof } from '#core/merkle/proofs.ts'
import { Fault } from '#schemas/fault.ts'
import type { LogDatabase } from '../log-database.ts'
import { createNodeReader } from './tiles.ts'

/** Throws `not_found` when the log has fewer records, `invalid_input` when `first` is the larger. */
export async function proveConsistency(
  log: Pick<LogDatabase, 'records' | 'tree'>,
  first: number,
  second: number,
): Promise<Buffer[]> {
  if (first > second) throw new Fault('invalid_input', { what: 'a tree does not shrink' })
  const { size } = await log.records.head()
  if (second > size) throw new Fault('not_found', { what: `a tree of ${second} records` })
  return consistencyProof(first, second, createNodeReader(log))
}
