/**
 * Tree heads as C2SP checkpoints: a text of origin, size and root (`checkpoint-text.ts`) as a signed note.
 */
import { type Checkpoint, readCheckpointText } from './checkpoint-text.ts'
import { parseNote } from './signed-note.ts'

export { type Checkpoint, writeCheckpoint } from './checkpoint-text.ts'
export { addCosignature, isCosignature, verifyCosignature } from './cosignature.ts'
export { memberSignatureLine, verifyMemberSignature } from './member-signature.ts'
export { addSignature, type Note, noteName, signNote, verifyNote } from './signed-note.ts'

/** Parses a signed checkpoint without verifying signatures; throws `malformed_checkpoint`. */
export function parseCheckpoint(source: string): Checkpoint {
  const note = parseNote(source)
  return { ...readCheckpointText(note.text), note }
}
