/** Cosignatures of witnesses over a checkpoint, Ed25519 with a time (C2SP tlog-cosignature v1). */
import { type KeyObject, sign, verify } from 'node:crypto'
import {
  addSignature,
  ed25519Octets,
  type Note,
  type NoteSignature,
  noteKeyId,
  noteText,
  verifyLines,
} from './signed-note.ts'

/** The time at which the witness knew no larger tree of this log. */
export type Cosignature = { time: Date }

const TYPE = Buffer.of(4)
const LENGTH = 8 + 64

/** `note` with the cosignature line of the witness called `name`: at `time` this was the largest tree that it knew. */
export function addCosignature(note: string, name: string, privateKey: KeyObject, time: Date): string {
  const seconds = BigInt(Math.floor(time.getTime() / 1000))
  const stamp = Buffer.alloc(8)
  stamp.writeBigUInt64BE(seconds)
  const signature = sign(null, cosigned(noteText(note), seconds), privateKey)
  const keyId = noteKeyId(name, TYPE, ed25519Octets(privateKey))
  return addSignature(note, { name, keyId, signature: Buffer.concat([stamp, signature]) })
}

/** The witness's newest cosignature; undefined if there is none. Throws `malformed_checkpoint` when one is forged. */
export function verifyCosignature(note: Note, name: string, publicKey: KeyObject): Cosignature | undefined {
  let newest = -1n
  verifyLines(note, name, noteKeyId(name, TYPE, ed25519Octets(publicKey)), (line) => {
    if (line.length !== LENGTH) return false
    const seconds = line.readBigUInt64BE(0)
    if (seconds >= MAX_SECONDS) return false
    if (seconds > newest) newest = seconds
    return verify(null, cosigned(note.text, seconds), publicKey, line.subarray(8))
  })
  return newest < 0n ? undefined : { time: new Date(Number(newest) * 1000) }
}

/** Whether a line has the form of a cosignature, whoever made it. */
export function isCosignature({ signature }: Pick<NoteSignature, 'signature'>): boolean {
  return signature.length === LENGTH
}

// The last second that a Date can hold.
const MAX_SECONDS = 8_640_000_000_000n

function cosigned(text: string, seconds: bigint): Buffer {
  return Buffer.from(`cosignature/v1\ntime ${seconds}\n${text}`)
}
