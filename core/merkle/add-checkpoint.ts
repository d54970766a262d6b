/**
 * A log's request to a witness and the response (C2SP tlog-witness, "add-checkpoint"). The request has the
 * size that the witness knows, the proof that the tree grew from there, and the checkpoint; the response has
 * signature lines.
 */
import { Fault } from '#schemas/fault.ts'
import { type Checkpoint, parseCheckpoint, verifyCosignature } from './checkpoint.ts'
import { HASH_LENGTH } from './hash.ts'
import { type Note, readLine } from './signed-note.ts'
import type { VerifierKey } from './verifier-key.ts'

/**
 * `oldSize` is the size that the log believes the witness knows; `note` is the checkpoint's text as received.
 */
export type Submission = { oldSize: number; proof: Buffer[]; checkpoint: Checkpoint; note: string }

export const MAX_PROOF = 63
/** A checkpoint has at most 64 KiB; the rest is for the proof. */
export const MAX_SUBMISSION_BYTES = 72 * 1024

const OLD = /^old (0|[1-9][0-9]{0,15})$/
const LINES = 8

export function writeSubmission({ oldSize, proof, note }: Omit<Submission, 'checkpoint'>): string {
  const hashes = proof.map((hash) => `${hash.toString('base64')}\n`)
  return `old ${oldSize}\n${hashes.join('')}\n${note}`
}

/**
 * Reads a submission strictly; the witness verifies who signed the checkpoint. Throws `malformed_checkpoint`.
 */
export function parseSubmission(bytes: Buffer): Submission {
  if (bytes.length > MAX_SUBMISSION_BYTES) throw malformed('the submission is too large')
  const text = bytes.toString('utf8')
  // The text is what was signed: decoding would silently replace bytes that are not UTF-8.
  if (!Buffer.from(text).equals(bytes)) throw malformed('the submission is not Unicode')
  const end = text.indexOf('\n\n')
  if (end < 0) throw malformed('no empty line before the checkpoint')
  const [first, ...lines] = text.slice(0, end).split('\n')
  const oldSize = Number(OLD.exec(first ?? '')?.[1])
  if (!Number.isSafeInteger(oldSize)) throw malformed('the old size')
  if (lines.length > MAX_PROOF) throw malformed(`more than ${MAX_PROOF} hashes of a proof`)
  const note = text.slice(end + 2)
  return { oldSize, proof: lines.map(readHash), checkpoint: parseCheckpoint(note), note }
}

/**
 * This witness's cosignature of the submitted checkpoint, with its time; lines of others are ignored. Throws
 * `malformed_checkpoint` if the line is missing or forged.
 */
export function readCosignature(
  answer: string,
  submitted: Note,
  witness: VerifierKey,
): { line: string; time: Date } {
  const lines = answer.split('\n').slice(0, LINES)
  for (const line of lines) {
    if (!line.startsWith('\u2014 ')) continue
    const signature = readLine(line)
    if (signature.name !== witness.name) continue
    const alone = { text: submitted.text, signatures: [signature] }
    const cosignature = verifyCosignature(alone, witness.name, witness.publicKey)
    if (cosignature !== undefined) return { line, time: cosignature.time }
  }
  throw malformed(`no cosignature of ${witness.name}`)
}

function readHash(line: string): Buffer {
  const hash = Buffer.from(line, 'base64')
  if (hash.length !== HASH_LENGTH || hash.toString('base64') !== line) throw malformed('a hash of the proof')
  return hash
}

function malformed(what: string): Fault {
  return new Fault('malformed_checkpoint', { what })
}
