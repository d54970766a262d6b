/**
 * Makes and reads seeds. A seed is the text of a checkpoint with the cosignature of one witness and no other
 * line: if a log could add or omit a line, it could choose another sample. Without the witness's key nobody
 * can foresee a cosignature.
 */
import { addSignature, type Checkpoint, isCosignature, parseCheckpoint } from '#core/merkle/checkpoint.ts'
import { Fault } from '#schemas/fault.ts'

/**
 * `note`: a checkpoint as a witness returns it, with the witness's own line last. Throws
 * `malformed_checkpoint`.
 */
export function makeSeed(note: string): string {
  const { text, signatures } = parseCheckpoint(note).note
  const seed = addSignature(text, signatures.at(-1)!)
  readSeed(seed)
  return seed
}

/** Throws `malformed_checkpoint`, also if the checkpoint has any line besides one cosignature. */
export function readSeed(seed: string): Checkpoint {
  const checkpoint = parseCheckpoint(seed)
  const [line, ...more] = checkpoint.note.signatures
  if (more.length > 0 || !isCosignature(line!))
    throw new Fault('malformed_checkpoint', {
      what: 'a seed has the cosignature of one witness, and no other line',
    })
  return checkpoint
}
