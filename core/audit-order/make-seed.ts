/**
 * Guarantees that a seed is the text of a checkpoint with the cosignature of one witness and nothing else: no line that the log or
 * anybody else could add or leave out draws another sample. Nobody without the witness's key foresees a cosignature.
 */
import { addSignature, type Checkpoint, isCosignature, parseCheckpoint } from '#core/merkle/checkpoint.ts'
import { Fault } from '#schemas/fault.ts'

/** `note`: a checkpoint as a witness keeps it, whose own line is the last. Throws `malformed_checkpoint`. */
export function makeSeed(note: string): string {
  const { text, signatures } = parseCheckpoint(note).note
  const seed = addSignature(text, signatures.at(-1)!)
  readSeed(seed)
  return seed
}

/** Throws `malformed_checkpoint` also for a checkpoint with any other line than one cosignature. */
export function readSeed(seed: string): Checkpoint {
  const checkpoint = parseCheckpoint(seed)
  const [line, ...more] = checkpoint.note.signatures
  if (more.length > 0 || !isCosignature(line!))
    throw new Fault('malformed_checkpoint', {
      what: 'a seed has the cosignature of one witness, and no other line',
    })
  return checkpoint
}
