/**
 * Cosignatures of witnesses over a checkpoint, with a time (C2SP tlog-cosignature): Ed25519 (type 0x04) over
 * the text of the note, and ML-DSA-44 (type 0x06) over name, time, origin, size and root.
 */
import { type KeyObject, sign, verify } from 'node:crypto'
import { type Checkpoint, readCheckpointText } from './checkpoint-text.ts'
import { type CosignerAlgorithm, cosignerOctets, cosignerType } from './cosigner-key.ts'
import {
  addSignature,
  type Note,
  type NoteSignature,
  noteKeyId,
  noteText,
  verifyLines,
} from './signed-note.ts'

/** The time at which the witness knew no larger tree of this log. */
export type Cosignature = { time: Date }

const TIME_LENGTH = 8
const SIGNATURE_LENGTH: Record<CosignerAlgorithm, number> = { ed25519: 64, 'ml-dsa-44': 2420 }

// The last second that a Date can hold.
const MAX_SECONDS = 8_640_000_000_000n
const LABEL = Buffer.from('subtree/v1\n\0', 'latin1')

/**
 * `note` with the cosignature line of the witness called `name`: at `time` this was the largest tree that it
 * knew.
 */
export function addCosignature(note: string, name: string, privateKey: KeyObject, time: Date): string {
  const seconds = BigInt(Math.floor(time.getTime() / 1000))
  const text = noteText(note)
  const signature = sign(
    null,
    cosigned({ text, name, seconds, algorithm: cosignerType(privateKey).algorithm }),
    privateKey,
  )
  const line = {
    name,
    keyId: keyIdOf(name, privateKey),
    signature: Buffer.concat([uint64(seconds), signature]),
  }
  return addSignature(note, line)
}

/**
 * The witness's newest cosignature; undefined if there is none. Throws `malformed_checkpoint` when one is
 * forged.
 */
export function verifyCosignature(note: Note, name: string, publicKey: KeyObject): Cosignature | undefined {
  const { algorithm } = cosignerType(publicKey)
  let newest = -1n
  verifyLines(note, name, keyIdOf(name, publicKey), (line) => {
    if (line.length !== TIME_LENGTH + SIGNATURE_LENGTH[algorithm]) return false
    const seconds = line.readBigUInt64BE(0)
    if (seconds >= MAX_SECONDS) return false
    if (seconds > newest) newest = seconds
    return verify(
      null,
      cosigned({ text: note.text, name, seconds, algorithm }),
      publicKey,
      line.subarray(TIME_LENGTH),
    )
  })
  return newest < 0n ? undefined : { time: new Date(Number(newest) * 1000) }
}

/** Whether a line has the form of a cosignature, whoever made it. */
export function isCosignature({ signature }: Pick<NoteSignature, 'signature'>): boolean {
  return Object.values(SIGNATURE_LENGTH).some((length) => signature.length === TIME_LENGTH + length)
}

function keyIdOf(name: string, key: KeyObject): Buffer {
  return noteKeyId(name, Buffer.of(cosignerType(key).type), cosignerOctets(key))
}

type Cosigned = { text: string; name: string; seconds: bigint; algorithm: CosignerAlgorithm }

function cosigned({ text, name, seconds, algorithm }: Cosigned): Buffer {
  if (algorithm === 'ed25519') return Buffer.from(`cosignature/v1\ntime ${seconds}\n${text}`)
  // Extension lines are not covered: only what a witness checks is.
  const { origin, size, root }: Omit<Checkpoint, 'note'> = readCheckpointText(text)
  return Buffer.concat([
    LABEL,
    short(name),
    uint64(seconds),
    short(origin),
    uint64(0n),
    uint64(BigInt(size)),
    root,
  ])
}

/** A text of at most 255 octets after its length. */
function short(text: string): Buffer {
  const octets = Buffer.from(text)
  if (octets.length < 1 || octets.length > 255)
    throw new TypeError('a name under ML-DSA-44 has 1 to 255 octets')
  return Buffer.concat([Buffer.of(octets.length), octets])
}

function uint64(value: bigint): Buffer {
  const octets = Buffer.alloc(8)
  octets.writeBigUInt64BE(value)
  return octets
}
