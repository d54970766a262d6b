/** Signed notes, byte for byte as in C2SP signed-note v1: a text with signature lines. */
import { hash, type KeyObject, sign, verify } from 'node:crypto'
import { Fault } from '#schemas/fault.ts'

/** A signature line under a note. */
export type NoteSignature = { name: string; keyId: Buffer; signature: Buffer }

/** `text` ends in a line feed and is what every signer signs. */
export type Note = { text: string; signatures: NoteSignature[] }

const MAX_LENGTH = 65_536
const MAX_SIGNATURES = 64
const MAX_SIGNATURE_LENGTH = 8_192
const LINE = /^\u2014 ([^ ]+) ([A-Za-z0-9+/]+={0,2})$/
const KEY_NAME = /^[^\s\u0085+\u0000-\u001f\u007f]{1,1024}$/u
const ED25519 = Buffer.of(1)

/**
 * The first four octets of SHA-256(name || newline || type || public key); `type` is one octet, or 0xff and a
 * name for it.
 */
export function noteKeyId(name: string, type: Buffer, publicKey: Buffer): Buffer {
  return hash('sha256', Buffer.concat([Buffer.from(`${name}\n`), type, publicKey]), 'buffer').subarray(0, 4)
}

/** An identifier as a key name: these may not hold '+', which identifiers keep unescaped. */
export function noteName(identifier: string): string {
  return identifier.replaceAll('+', '%2B')
}

/** Whether a text can name a key. */
export function isKeyName(text: string): boolean {
  return KEY_NAME.test(text)
}

/** The 32 octets of an Ed25519 public key, of either half of a key pair. */
export function ed25519Octets(key: KeyObject): Buffer {
  const { crv, x } = key.export({ format: 'jwk' })
  if (crv !== 'Ed25519' || x === undefined) throw new TypeError('an Ed25519 key is needed')
  return Buffer.from(x, 'base64url')
}

/** `note` (a text, or a note with its lines) with one line more. */
export function addSignature(note: string, line: NoteSignature): string {
  if (!isKeyName(line.name)) throw new TypeError('a key name may hold neither white space nor "+"')
  const value = Buffer.concat([line.keyId, line.signature]).toString('base64')
  const end = note.lastIndexOf('\n\n')
  const signed = end >= 0 && note.startsWith('\u2014 ', end + 2)
  return `${note}${signed ? '' : '\n'}\u2014 ${line.name} ${value}\n`
}

/** `text` or a note with the additional Ed25519 signature line of the key called `name`. */
export function signNote(text: string, name: string, privateKey: KeyObject): string {
  const keyId = noteKeyId(name, ED25519, ed25519Octets(privateKey))
  const signature = sign(null, Buffer.from(noteText(text)), privateKey)
  return addSignature(text, { name, keyId, signature })
}

/**
 * Whether the Ed25519 key called `name` signed; false if it has no line. Throws `malformed_checkpoint` when a
 * line of it is forged.
 */
export function verifyNote(note: Note, name: string, publicKey: KeyObject): boolean {
  return verifyLines(note, name, noteKeyId(name, ED25519, ed25519Octets(publicKey)), (signature) =>
    verify(null, Buffer.from(note.text), publicKey, signature),
  )
}

/** All lines of a known key must verify (signed-note, "Signatures"); lines of unknown keys are ignored. */
export function verifyLines(
  note: Note,
  name: string,
  keyId: Buffer,
  check: (signature: Buffer) => boolean,
): boolean {
  const lines = note.signatures.filter((line) => line.name === name && line.keyId.equals(keyId))
  for (const { signature } of lines) {
    if (!check(signature)) throw malformed(`the signature of ${name} does not verify`)
  }
  return lines.length > 0
}

/** Parses a note; throws `malformed_checkpoint` for anything that signed-note forbids. */
export function parseNote(source: string): Note {
  if (source.length > MAX_LENGTH || !source.isWellFormed()) throw malformed('too long or not Unicode')
  if (/[\u0000-\u0009\u000b-\u001f]/.test(source)) throw malformed('a control character')
  const end = source.lastIndexOf('\n\n')
  if (end < 0 || !source.endsWith('\n')) throw malformed('no signatures')
  const lines = source.slice(end + 2, -1).split('\n')
  if (lines.length > MAX_SIGNATURES) throw malformed('too many signatures')
  return { text: source.slice(0, end + 1), signatures: lines.map(readLine) }
}

/** The text to be signed, out of a text or a note. */
export function noteText(source: string): string {
  if (!source.endsWith('\n')) throw new TypeError('a note ends in a line end')
  const end = source.lastIndexOf('\n\n')
  return end >= 0 && source.startsWith('\u2014 ', end + 2) ? source.slice(0, end + 1) : source
}

/** Parses a signature line of a note, without its line end. Throws `malformed_checkpoint`. */
export function readLine(line: string): NoteSignature {
  const [, name, value] = LINE.exec(line) ?? []
  const octets = Buffer.from(value ?? '', 'base64')
  if (name === undefined || !isKeyName(name)) throw malformed('a signature line')
  if (octets.toString('base64') !== value || octets.length < 5 || octets.length > MAX_SIGNATURE_LENGTH) {
    throw malformed('a signature')
  }
  return { name, keyId: octets.subarray(0, 4), signature: octets.subarray(4) }
}

function malformed(what: string): Fault {
  return new Fault('malformed_checkpoint', { what })
}
