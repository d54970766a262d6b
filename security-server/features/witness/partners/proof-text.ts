/** A consistency proof as text: a hash a line, base64, as in the submissions of C2SP tlog-witness. */
import { MAX_PROOF } from '#core/merkle/add-checkpoint.ts'
import { HASH_LENGTH } from '#core/merkle/hash.ts'
import { Fault } from '#schemas/fault.ts'

export function writeProof(proof: readonly Buffer[]): Buffer {
  return Buffer.from(proof.map((hash) => `${hash.toString('base64')}\n`).join(''))
}

/** Throws `invalid_proof` for a text of another form. */
export function parseProof(text: Buffer): Buffer[] {
  const lines = text.toString('latin1').split('\n')
  if (lines.pop() !== '' || lines.length > MAX_PROOF) throw invalid()
  return lines.map((line) => {
    const hash = Buffer.from(line, 'base64')
    if (hash.length !== HASH_LENGTH || hash.toString('base64') !== line) throw invalid()
    return hash
  })
}

function invalid(): Fault {
  return new Fault('invalid_proof', { what: 'its text' })
}
