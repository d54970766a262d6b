/**
 * What a fetched partition holds, message by message. Guarantees that records of aborted transactions are
 * none, and that a batch which cannot be read comes whole, as one message with the reason.
 */
import { Fault } from '#schemas/fault.ts'
import { tooLarge } from '../make-event.ts'
import {
  type Batch,
  batchesOf,
  controlOf,
  inflate,
  isTransactional,
  type KafkaRecord,
  recordsOf,
} from './records.ts'
import type { FetchedPartition } from './requests.ts'

export type Found =
  | { kind: 'record'; record: KafkaRecord }
  | { kind: 'unreadable'; batch: Batch; fault: Fault }
  /** Nothing more stands before this offset. */
  | { kind: 'end'; offset: number }

/** Throws for a batch that is corrupt: it may not be the broker's last word. */
export async function* readFetched(
  { records, aborted }: Pick<FetchedPartition, 'records' | 'aborted'>,
  mostBytes: number,
): AsyncGenerator<Found> {
  const ahead = aborted.toSorted((a, b) => a.first - b.first)
  const producers = new Set<number>()
  for (const batch of batchesOf(records)) {
    while (ahead[0] !== undefined && ahead[0].first <= batch.last) producers.add(ahead.shift()!.producer)
    const control = controlOf(batch)
    if (control === 'aborted') producers.delete(batch.producer)
    if (control === undefined && !(isTransactional(batch) && producers.has(batch.producer)))
      yield* readBatch(batch, mostBytes)
    yield { kind: 'end', offset: batch.last + 1 }
  }
}

async function* readBatch(batch: Batch, mostBytes: number): AsyncGenerator<Found> {
  try {
    for (const record of recordsOf(batch, await inflate(batch, mostBytes))) yield { kind: 'record', record }
  } catch (thrown) {
    yield { kind: 'unreadable', batch, fault: faultOf(thrown, mostBytes) }
  }
}

/** A RangeError is also what zlib throws for more than it may make. */
function faultOf(thrown: unknown, mostBytes: number): Fault {
  if (thrown instanceof RangeError) return tooLarge(mostBytes)
  return new Fault('invalid_event', { what: `the batch cannot be read: ${(thrown as Error).message}` })
}
