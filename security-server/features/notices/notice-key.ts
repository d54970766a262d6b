/**
 * The server's key for notices, in a folder of its own that no backup holds. Under it are sealed who wants to
 * be told and where; digests, codes' digests, tokens and webhook secrets are made with it. Guarantees that no
 * second key is made where rows need the first.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { normaliseIdentifier } from '#core/subject/identifier.ts'
import { Fault } from '#schemas/fault.ts'
import { asSealed, seal, unseal } from '../../keys/seal.ts'
import { removeDurably, writeDurably } from '../../keys/write-durably.ts'

export type NoticeKey = {
  /** What is sealed for one row does not open as that of another. */
  seal(of: string, plain: string): string
  /** Throws `io_error` for what was changed. */
  open(of: string, sealed: string): string
  /** Hexadecimal: finds a row again, and says nothing without the key. */
  digest(what: 'person' | 'address' | 'code' | 'count', text: string): string
  /** The token in a letter that stops one wish. */
  stopToken(wish: string, subsystem: string): string
  /** The wish of a token, if it was made here for this subsystem. */
  wishOf(token: string, subsystem: string): string | undefined
  /** Base64, as Standard Webhooks has it without its prefix. */
  webhookSecret(address: string): string
}

/** Which key the rows need. */
type KeyNote = {
  noted(): Promise<string | undefined>
  /** Returns the one that is noted, which another node may have noted first. */
  note(id: string): Promise<string>
}

const FILE = 'notices.key'
const HEX_KEY = /^[0-9a-f]{64}$/
const TOKEN = /^[A-Za-z0-9_-]{43}$/
const MAC = 16

/**
 * Undefined while the key that the rows need is not in the folder: it has to be copied from another node or
 * brought back.
 */
export async function openNoticeKey(folder: string, rows: KeyNote): Promise<NoticeKey | undefined> {
  const file = path.join(folder, FILE)
  const noted = await rows.noted()
  let key = await readKey(file)
  if (key === undefined) {
    if (noted !== undefined) return undefined
    const made = randomBytes(32)
    // Before it is noted: a crash in between leaves a key that the next start notes, and never a note of a
    // key that nobody has.
    await writeDurably(file, Buffer.from(`${made.toString('hex')}\n`))
    // Another node's key may be noted meanwhile: then this one is never used.
    if ((await rows.note(idOf(made))) !== idOf(made)) {
      await removeDurably(file)
      return undefined
    }
    key = made
  }
  return (noted ?? (await rows.note(idOf(key)))) === idOf(key) ? withKey(key) : undefined
}

async function readKey(file: string): Promise<Buffer | undefined> {
  try {
    const text = (await readFile(file, 'latin1')).trim()
    if (!HEX_KEY.test(text)) throw new Fault('io_error', { what: `${FILE} is damaged` })
    return Buffer.from(text, 'hex')
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw thrown
  }
}

function idOf(key: Buffer): string {
  return hmac(key, 'id').toString('hex').slice(0, 16)
}

function withKey(key: Buffer): NoticeKey {
  const sealing = hmac(key, 'seal')
  const of = (what: string, text: string): Buffer => hmac(hmac(key, what), text)
  const tokenMac = (wish: string, subsystem: string): Buffer =>
    of('stop', `${wish} ${subsystem}`).subarray(0, MAC)
  return {
    seal: (row, plain) => JSON.stringify(seal(sealing, row, Buffer.from(plain))),
    open: (row, sealed) => {
      const plain = unseal(sealing, row, asSealed(JSON.parse(sealed), 'a row of notices'))
      if (plain === undefined) throw new Fault('io_error', { what: 'a row of notices does not decrypt' })
      return plain.toString()
    },
    digest: (what, text) => of(what, text).toString('hex').slice(0, 32),
    stopToken: (wish, subsystem) =>
      Buffer.concat([Buffer.from(wish.replaceAll('-', ''), 'hex'), tokenMac(wish, subsystem)]).toString(
        'base64url',
      ),
    wishOf: (token, subsystem) => {
      if (!TOKEN.test(token)) return undefined
      const bytes = Buffer.from(token, 'base64url')
      const hex = bytes.toString('hex', 0, MAC)
      const wish = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
      return timingSafeEqual(bytes.subarray(MAC), tokenMac(wish, subsystem)) ? wish : undefined
    },
    webhookSecret: (address) => of('webhook', address).toString('base64'),
  }
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

/** The person as rows name them. */
export function personDigest(key: NoticeKey, { type, identifier }: { type: string; identifier: string }) {
  return key.digest('person', `${type} ${normaliseIdentifier(identifier) ?? ''}`)
}

/** Whether two digests are the same, in a time that does not say where they differ. */
export function isSame(a: string, b: string): boolean {
  const [one, other] = [Buffer.from(a), Buffer.from(b)]
  return one.length === other.length && timingSafeEqual(one, other)
}
