/**
 * Reads stored cosignatures together with the checkpoints. Checks that each belongs to a checkpoint, and that
 * those of known witnesses verify.
 */
import { parseCheckpoint } from '#core/merkle/checkpoint.ts'
import { readLine } from '#core/merkle/signed-note.ts'
import { judgeWitnesses } from '#core/merkle/witness-policy.ts'
import { say } from '#schemas/said.ts'
import { type StoredCosignature, withCosignatures } from '../../../message-log/cosignatures/store.ts'
import { createCursor } from './cursor.ts'
import { inconsistent } from './inconsistent.ts'
import type { LogSource, Trust } from './source.ts'

type WitnessPass = {
  /** Checks the cosignatures of this checkpoint. Throws `log_inconsistent` or `malformed_checkpoint`. */
  reached(checkpoint: { size: number; note: string }): Promise<void>
  end(found: (thrown: unknown) => void): Promise<void>
  witnessed(): { cosignatures: number; records: number }
}

export function createWitnessPass(source: LogSource, trust: Trust, after: number): WitnessPass {
  const cursor = createCursor(source.cosignatures?.(after) ?? none())
  let [cosignatures, records] = [0, 0]

  const take = async (size: number): Promise<StoredCosignature[]> => {
    const taken: StoredCosignature[] = []
    for (let next = await cursor.peek(); next !== undefined && next.size <= size; next = await cursor.peek())
      taken.push((await cursor.next())!)
    return taken
  }
  return {
    witnessed: () => ({ cosignatures, records }),
    reached: async ({ size, note }) => {
      const lines = await take(size)
      if (lines.some(({ size: of }) => of < size)) throw inconsistent(say`a cosignature of no checkpoint`)
      const own = lines.filter((one) => one.size === size)
      for (const { witness, line } of own)
        if (readLine(line).name !== witness) throw inconsistent(say`a cosignature that is not of ${witness}`)
      if (trust.witnesses === undefined) return
      const { note: cosigned } = parseCheckpoint(withCosignatures(note, own))
      const { met, witnesses } = judgeWitnesses(cosigned, trust.witnesses)
      for (const { name, time } of witnesses)
        if (own.find(({ witness }) => witness === name)?.time !== time.toISOString())
          throw inconsistent(say`the time of the cosignature of ${name}`)
      cosignatures += witnesses.length
      if (met) records = size
    },
    end: async (found) => {
      if ((await cursor.next()) !== undefined) found(inconsistent(say`a cosignature of no checkpoint`))
    },
  }
}

async function* none(): AsyncGenerator<StoredCosignature> {}
