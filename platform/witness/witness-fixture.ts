/**
 * A log that grows in memory, for tests of witnesses: its checkpoints, its proofs, and a second history under
 * the same key.
 */
import { generateKeyPairSync, hash } from 'node:crypto'
import { writeSubmission } from '#core/merkle/add-checkpoint.ts'
import { noteName, signNote, writeCheckpoint } from '#core/merkle/checkpoint.ts'
import { createCompactRange } from '#core/merkle/compact-range.ts'
import { leafHash, nodeHash } from '#core/merkle/hash.ts'
import { consistencyProof } from '#core/merkle/proofs.ts'
import { writeVerifierKey } from '#core/merkle/verifier-key.ts'

export const ORIGIN = 'DEV/GOV/1234/ss1'

export function createTestLog(origin = ORIGIN, history = 'one') {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const name = noteName(origin)
  const leaf = (of: string, i: number): Buffer => leafHash(Buffer.from(`${of} ${i}`))
  const nodeAt =
    (of: string) =>
    (level: number, index: number): Buffer =>
      level === 0
        ? leaf(of, index)
        : nodeHash(nodeAt(of)(level - 1, 2 * index), nodeAt(of)(level - 1, 2 * index + 1))
  const checkpoint = (size: number, of = history): string => {
    const range = createCompactRange()
    for (let i = 0; i < size; i++) range.append(leaf(of, i))
    return signNote(writeCheckpoint({ origin, size, root: range.root() }), name, privateKey)
  }
  return {
    origin,
    privateKey,
    verifierKey: writeVerifierKey({ name, publicKey }, 'log'),
    originHash: hash('sha256', origin, 'hex'),
    checkpoint,
    consistency: (first: number, second: number, of = history): Promise<Buffer[]> =>
      consistencyProof(first, second, nodeAt(of)),
    /** The submission of an honest log, from the history `of`. */
    submission: async (oldSize: number, size: number, of = history): Promise<Buffer> => {
      const proof = oldSize > size ? [] : await consistencyProof(oldSize, size, nodeAt(of))
      return Buffer.from(writeSubmission({ oldSize, proof, note: checkpoint(size, of) }))
    },
  }
}
