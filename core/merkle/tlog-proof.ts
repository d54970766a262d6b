/**
 * The proof that one entry is in a log, as one file (C2SP tlog-proof v1): the entry's index, the inclusion
 * proof, and the checkpoint with its cosignatures. Whoever has the entry, the log's key and a policy of
 * witnesses needs nothing else, and no network.
 */
import { Fault } from '#schemas/fault.ts'
import { type Checkpoint, parseCheckpoint, verifyNote } from './checkpoint.ts'
import { HASH_LENGTH } from './hash.ts'
import { verifyInclusion } from './proofs.ts'
import type { VerifierKey } from './verifier-key.ts'

/** `extra` is for whoever reads the file; nothing signs it. */
type TlogProof = { extra: Buffer | undefined; index: number; hashes: Buffer[]; checkpoint: Checkpoint }

export const MAX_TLOG_PROOF_BYTES = 96 * 1024

const FIRST = 'c2sp.org/tlog-proof@v1'
const INDEX = /^index (0|[1-9][0-9]{0,15})$/
/** More hashes has no tree of 2^53 leaves. */
const MAX_HASHES = 53
export const MAX_EXTRA = 4096

/** The file; `note` is the signed checkpoint. */
export function writeTlogProof(q: {
  extra?: Buffer | undefined
  index: number
  hashes: readonly Buffer[]
  note: string
}): string {
  const extra = q.extra === undefined ? '' : `extra ${q.extra.toString('base64')}\n`
  const hashes = q.hashes.map((hash) => `${hash.toString('base64')}\n`).join('')
  return `${FIRST}\n${extra}index ${q.index}\n${hashes}\n${q.note}`
}

/** Whether a file says that it is such a proof. */
export function isTlogProof(bytes: Buffer): boolean {
  return bytes.subarray(0, FIRST.length + 1).equals(Buffer.from(`${FIRST}\n`))
}

/** Reads a proof without verifying it. Throws `malformed_checkpoint`. */
export function parseTlogProof(bytes: Buffer): TlogProof {
  if (bytes.length > MAX_TLOG_PROOF_BYTES) throw malformed('it is too long')
  const text = bytes.toString('utf8')
  if (!Buffer.from(text).equals(bytes)) throw malformed('it is not Unicode')
  const end = text.indexOf('\n\n')
  if (end < 0) throw malformed('no empty line before the checkpoint')
  const [first, ...lines] = text.slice(0, end).split('\n')
  if (first !== FIRST) throw malformed(`its first line is not ${FIRST}`)
  const extra = lines[0]?.startsWith('extra ') === true ? base64(lines.shift()!.slice(6)) : undefined
  if (extra !== undefined && extra.length > MAX_EXTRA) throw malformed('the extra data is too long')
  const index = Number(INDEX.exec(lines.shift() ?? '')?.[1])
  if (!Number.isSafeInteger(index)) throw malformed('the index')
  if (lines.length > MAX_HASHES) throw malformed(`more than ${MAX_HASHES} hashes`)
  const hashes = lines.map(base64)
  if (hashes.some(({ length }) => length !== HASH_LENGTH)) throw malformed('a hash')
  return { extra, index, hashes, checkpoint: parseCheckpoint(text.slice(end + 2)) }
}

/**
 * Guarantees that the log with this key signed the checkpoint, and that `leaf` (a leaf hash) is at the
 * proof's index in its tree. Throws `untrusted_checkpoint`, `malformed_checkpoint` for a forged line, or
 * `invalid_proof`. Judge cosignatures by `judgeWitnesses`.
 */
export function verifyTlogProof(
  { index, hashes, checkpoint }: TlogProof,
  leaf: Buffer,
  log: VerifierKey,
): void {
  const { origin, size, root, note } = checkpoint
  // The name of a log's key is its origin: another log's checkpoint is refused even under this key.
  if (origin !== log.name || !verifyNote(note, log.name, log.publicKey))
    throw new Fault('untrusted_checkpoint', { what: `${log.name} did not sign it` })
  verifyInclusion({ size, index, leaf, proof: hashes, root })
}

function base64(text: string): Buffer {
  const octets = Buffer.from(text, 'base64')
  if (octets.toString('base64') !== text) throw malformed('a line is not base64')
  return octets
}

function malformed(what: string): Fault {
  return new Fault('malformed_checkpoint', { what: `proof: ${what}` })
}
