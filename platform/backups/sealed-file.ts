/**
 * An encrypted file of any length, processed with little memory. Without the key nobody can read it, and
 * changes and truncation are detected. It has two lines of plain text, then pieces under AES-256-GCM; the
 * nonce is the number of the piece and whether it is the last (the STREAM construction of Hoang,
 * Reyhanitabar, Rogaway and Vizár). The key is derived from a secret text by scrypt with the file's salt.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes, scrypt } from 'node:crypto'
import { promisify } from 'node:util'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import { Fault } from '#schemas/fault.ts'

/** The unencrypted header: whose backup it is, and of when. */
export type SealedHeader = { kind: string; madeAt: string; of: string; salt: string }

const FIRST_LINE = 'concordat-backup 1\n'
const MAX_HEADER = 4096
const PIECE = 64 * 1024
const TAG = 16
/** 32 MiB of memory, a tenth of a second: enough for a secret of 16 random characters. */
const SCRYPT = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 }
const LEAST_SECRET = 16

const derive = promisify<string, Buffer, number, object, Buffer>(scrypt)

/**
 * For `pipeline`: encrypts plain bytes into the bytes of the file. Throws `invalid_configuration` if the
 * secret is too short.
 */
export async function createSeal(
  secret: string,
  facts: Omit<SealedHeader, 'salt'>,
): Promise<(plain: AsyncIterable<Buffer>) => AsyncGenerator<Buffer>> {
  const salt = randomBytes(32)
  const lines = Buffer.from(`${FIRST_LINE}${canonicalJson({ ...facts, salt: salt.toString('base64') })}\n`)
  const key = await keyOf(secret, salt)
  const bound = createHash('sha256').update(lines).digest()
  const sealed = (piece: Buffer, number: number, isLast: boolean): Buffer => {
    const cipher = createCipheriv('aes-256-gcm', key, nonceOf(number, isLast)).setAAD(bound)
    return Buffer.concat([cipher.update(piece), cipher.final(), cipher.getAuthTag()])
  }
  return async function* seal(plain) {
    yield lines
    let number = 0
    for await (const { piece, isLast } of inPieces(plain, PIECE)) yield sealed(piece, number++, isLast)
  }
}

/**
 * The header and the decrypted bytes of a file. Throws `backup_invalid` as soon as a piece does not decrypt.
 */
export async function openSealed(
  secret: string,
  file: AsyncIterable<Buffer>,
): Promise<{ header: SealedHeader; plain: AsyncGenerator<Buffer> }> {
  const chunks = file[Symbol.asyncIterator]()
  let begin: Buffer = Buffer.alloc(0)
  let end = -1
  while (end < 0) {
    const next = await chunks.next()
    if (next.done === true || begin.length > MAX_HEADER) throw invalid('it is no backup of Concordat')
    begin = Buffer.concat([begin, next.value])
    end = begin.indexOf('\n', FIRST_LINE.length)
  }
  const lines = begin.subarray(0, end + 1)
  const header = headerOf(lines)
  const key = await keyOf(secret, Buffer.from(header.salt, 'base64'))
  const bound = createHash('sha256').update(lines).digest()
  async function* rest(): AsyncGenerator<Buffer> {
    yield begin.subarray(end + 1)
    for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) yield next.value
  }
  async function* plain(): AsyncGenerator<Buffer> {
    let number = 0
    for await (const { piece, isLast } of inPieces(rest(), PIECE + TAG)) {
      yield opened(piece, { key, bound, number, isLast })
      number++
    }
  }
  return { header, plain: plain() }
}

function opened(piece: Buffer, q: { key: Buffer; bound: Buffer; number: number; isLast: boolean }): Buffer {
  if (piece.length < TAG) throw invalid('it ends too early')
  try {
    const decipher = createDecipheriv('aes-256-gcm', q.key, nonceOf(q.number, q.isLast)).setAAD(q.bound)
    decipher.setAuthTag(piece.subarray(piece.length - TAG))
    return Buffer.concat([decipher.update(piece.subarray(0, piece.length - TAG)), decipher.final()])
  } catch (cause) {
    const where =
      q.number === 0
        ? 'the key is another one, or it was changed'
        : `its piece ${q.number} was changed, or it was cut off`
    throw invalid(where, cause)
  }
}

/** Splits into pieces of equal length, and marks the last one, which may be shorter or empty. */
async function* inPieces(
  bytes: AsyncIterable<Buffer>,
  length: number,
): AsyncGenerator<{ piece: Buffer; isLast: boolean }> {
  let held: Buffer = Buffer.alloc(0)
  for await (const chunk of bytes) {
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk])
    let at = 0
    // A piece that might be the last is held back until more bytes come.
    for (; held.length - at > length; at += length)
      yield { piece: held.subarray(at, at + length), isLast: false }
    held = held.subarray(at)
  }
  yield { piece: held, isLast: true }
}

function nonceOf(number: number, isLast: boolean): Buffer {
  const nonce = Buffer.alloc(12)
  nonce.writeUIntBE(number, 5, 6)
  nonce[11] = isLast ? 1 : 0
  return nonce
}

async function keyOf(secret: string, salt: Buffer): Promise<Buffer> {
  if (secret.length < LEAST_SECRET)
    throw new Fault('invalid_configuration', {
      what: `the key of backups has less than ${LEAST_SECRET} characters`,
    })
  return await derive(secret.normalize('NFC'), salt, 32, SCRYPT)
}

function headerOf(lines: Buffer): SealedHeader {
  if (!lines.subarray(0, FIRST_LINE.length).equals(Buffer.from(FIRST_LINE)))
    throw invalid('it is no backup of Concordat, or one of another version')
  try {
    const text = lines.subarray(FIRST_LINE.length, -1)
    const { kind, madeAt, of, salt, ...more } = parseStrictJson(text, {
      maxLength: MAX_HEADER,
      maxDepth: 2,
    }) as Record<string, unknown>
    if ([kind, madeAt, of, salt].some((one) => typeof one !== 'string') || Object.keys(more).length > 0)
      throw new Error('form')
    const header = { kind, madeAt, of, salt } as SealedHeader
    if (Buffer.from(header.salt, 'base64').length !== 32 || canonicalJson(header) !== text.toString())
      throw new Error('form')
    return header
  } catch (cause) {
    throw invalid('its second line has another form', cause)
  }
}

function invalid(what: string, cause?: unknown): Fault {
  return new Fault('backup_invalid', { what, cause })
}
