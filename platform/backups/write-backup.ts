/**
 * Writes a backup completely, durably and signed under its name, or not at all. Entries are compressed and
 * encrypted while they are written; a signed manifest with the hash of each entry follows.
 */
import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { VERSION } from '#platform/process/version.ts'
import { Fault } from '#schemas/fault.ts'
import type { Time } from '#schemas/sent-values.ts'
import { type BackupFacts, MANIFEST_NAME, MANIFEST_TYPE, type Manifest } from './manifest.ts'
import { createSeal } from './sealed-file.ts'

export type Write = (bytes: Buffer) => Promise<void>
/** Adds an entry: its bytes, or a function that writes them. */
export type AddEntry = (name: string, content: Buffer | ((write: Write) => Promise<void>)) => Promise<void>
export type Written = { sha256: string; bytes: number; manifest: Manifest }

/**
 * `fill` adds the entries and returns the facts for the manifest. `sign` signs a document of a type, as JWS.
 */
export async function writeBackup(
  q: {
    file: string
    secret: string
    kind: Manifest['kind']
    of: string
    madeAt: Time
    /** Things that a reader might wrongly expect in the backup. */
    holdsNot: string[]
    sign(document: object, type: string): Promise<string>
  },
  fill: (add: AddEntry) => Promise<BackupFacts>,
): Promise<Written> {
  const { kind, of, madeAt, holdsNot } = q
  const begun = `${q.file}.begun`
  const seal = await createSeal(q.secret, { kind, of, madeAt })
  const gzip = createGzip({ level: 3 })
  const digest = createHash('sha256')
  let bytes = 0
  // Left over from a crash: no other process writes under this name.
  await rm(begun, { force: true })
  const piped = pipeline(
    gzip,
    seal,
    async function* (sealed: AsyncIterable<Buffer>) {
      for await (const piece of sealed) {
        digest.update(piece)
        bytes += piece.length
        yield piece
      }
    },
    createWriteStream(begun, { mode: 0o600, flags: 'wx', flush: true }),
  )
  // It is awaited below; until then, writing reports a failure.
  piped.catch(() => undefined)
  const send: Write = (part) =>
    new Promise((resolve, reject) => {
      gzip.write(part, (failed) => (failed ? reject(failed) : resolve()))
    })
  try {
    const entries: Manifest['entries'] = []
    const facts = await fill(async (name, content) => {
      entries.push({ name, ...(await writeEntry(send, name, content)) })
    })
    const manifest: Manifest = { version: 1, kind, of, madeAt, software: VERSION, holdsNot, facts, entries }
    await writeEntry(send, MANIFEST_NAME, Buffer.from(await q.sign(manifest, MANIFEST_TYPE)))
    gzip.end()
    await piped
    await rename(begun, q.file)
    await syncFolder(path.dirname(q.file))
    return { sha256: digest.digest('hex'), bytes, manifest }
  } catch (cause) {
    gzip.destroy()
    await piped.catch(() => undefined)
    await rm(begun, { force: true }).catch(() => undefined)
    if (cause instanceof Fault) throw cause
    throw new Fault('io_error', { what: q.file, cause })
  }
}

const MOST_AT_ONCE = 1024 * 1024

/**
 * A name after its length in 2 octets, blocks after their lengths in 4 octets, and a final block of length 0.
 */
async function writeEntry(
  send: Write,
  name: string,
  content: Buffer | ((write: Write) => Promise<void>),
): Promise<{ bytes: number; sha256: string }> {
  const digest = createHash('sha256')
  let bytes = 0
  const head = Buffer.alloc(2 + Buffer.byteLength(name))
  head.writeUInt16BE(head.length - 2)
  head.write(name, 2)
  await send(head)
  const write: Write = async (part) => {
    for (let at = 0; at < part.length; at += MOST_AT_ONCE) {
      const block = part.subarray(at, at + MOST_AT_ONCE)
      const length = Buffer.alloc(4)
      length.writeUInt32BE(block.length)
      digest.update(block)
      bytes += block.length
      await send(Buffer.concat([length, block]))
    }
  }
  if (Buffer.isBuffer(content)) await write(content)
  else await content(write)
  await send(Buffer.alloc(4))
  return { bytes, sha256: digest.digest('hex') }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  await handle.sync().finally(() => handle.close())
}
