/** Checks stored checkpoints, and checkpoints that others kept, while the tree grows. */
import { parseCheckpoint } from '#core/merkle/checkpoint.ts'
import type { CompactRange } from '#core/merkle/compact-range.ts'
import { say } from '#schemas/said.ts'
import { type CheckpointToCheck, checkCheckpoint } from './check-checkpoint.ts'
import { createCursor, merged } from './cursor.ts'
import { inconsistent } from './inconsistent.ts'
import type { LogSource, StoredLogKey, Trust } from './source.ts'
import { createWitnessPass } from './witness-pass.ts'

type CheckpointPass = {
  /** Checks all checkpoints of the present tree size. */
  reached(range: CompactRange, found: (thrown: unknown) => void): Promise<void>
  /** Reports checkpoints of larger trees than the log's: the end of the log was cut off. */
  end(size: number, found: (index: number, thrown: unknown) => void): Promise<void>
  origin(): string | undefined
  count(): number
  /** The number of witness lines that verify, and how many records a quorum has cosigned. */
  witnessed(): { cosignatures: number; records: number }
}

export function createCheckpointPass(
  source: LogSource,
  trust: Trust,
  logKeys: StoredLogKey[],
  from: { records: number; origin: string | undefined },
): CheckpointPass {
  const given = (trust.checkpoints ?? [])
    .map((note): CheckpointToCheck => ({ size: parseCheckpoint(note).size, note }))
    .sort((a, b) => a.size - b.size)
  const cursor = createCursor(merged(stored(source, from.records), given, (a, b) => a.size <= b.size))
  const witnesses = createWitnessPass(source, trust, from.records)
  let { origin } = from
  let count = 0
  return {
    origin: () => origin,
    count: () => count,
    witnessed: witnesses.witnessed,
    reached: async (range, found) => {
      for (;;) {
        const checkpoint = await cursor.peek()
        if (checkpoint === undefined || checkpoint.size > range.size) return
        await cursor.next()
        count++
        try {
          if (checkpoint.size < range.size) throw inconsistent(say`a checkpoint of a size out of order`)
          origin = checkCheckpoint({ checkpoint, root: range.root(), logKeys, trust, origin })
          if (checkpoint.stored !== undefined) await witnesses.reached(checkpoint)
        } catch (thrown) {
          found(thrown)
        }
      }
    },
    end: async (size, found) => {
      for (let next = await cursor.next(); next !== undefined; next = await cursor.next()) {
        count++
        found(size, inconsistent(say`a checkpoint speaks of ${next.size} records`))
      }
      await witnesses.end((thrown) => found(size, thrown))
    },
  }
}

async function* stored(source: LogSource, after: number): AsyncGenerator<CheckpointToCheck> {
  for await (const checkpoint of source.checkpoints(after)) {
    yield { size: checkpoint.size, note: checkpoint.note, stored: checkpoint }
  }
}
