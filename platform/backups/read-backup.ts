/**
 * Reads a backup from beginning to end and passes on each entry as it comes. Only at the end everything is
 * verified: every piece with the key, every entry by its hash in the manifest, the manifest by its signature.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import type { JsonSignature } from '#core/signature/signed-json.ts'
import { Fault } from '#schemas/fault.ts'
import { ENTRY_NAME, MANIFEST_NAME, MAX_MANIFEST, type Manifest, readManifest } from './manifest.ts'
import { openSealed, type SealedHeader } from './sealed-file.ts'

type ReadBackup = {
  manifest: Manifest
  /** The verified signature of the manifest. The caller decides whether to trust its certificate. */
  signature: JsonSignature
  /** SHA-256 of the file. */
  sha256: string
}

const MAX_BLOCK = 1024 * 1024
const MAX_NAME = 300
/** Much more than the registry of a whole country has. */
const MAX_PLAIN = 2 ** 40

type Question = { file: string; secret: string; signal?: AbortSignal | undefined }
type Entry = Manifest['entries'][number]
type Take = (content: AsyncIterable<Buffer>) => Promise<void>

/**
 * `take` gets each entry except the manifest, and must read it to its end. Use the result only after this
 * function has returned: before that nothing is verified. Throws `backup_invalid` or `io_error`.
 */
export async function readBackup(
  q: Question,
  take: (name: string, content: AsyncIterable<Buffer>) => Promise<void>,
): Promise<ReadBackup> {
  return await withPlain(q, async ({ header, bytes, sha256 }) => {
    const { manifest, signature } = await readEntries(bytes, take)
    if (manifest.kind !== header.kind || manifest.of !== header.of || manifest.madeAt !== header.madeAt)
      throw invalid('its first lines and its manifest differ')
    return { manifest, signature, sha256: sha256() }
  })
}

/**
 * Reads one entry of a backup that `readBackup` verified before, and nothing behind it. The file may have
 * been replaced since, so the content throws `backup_invalid` at its end, before its reader can take it for
 * whole, unless it is the entry of that manifest.
 */
export async function readEntry(
  q: Question & { manifest: Pick<Manifest, 'entries'>; name: string },
  take: Take,
): Promise<void> {
  const entry = q.manifest.entries.find(({ name }) => name === q.name)
  if (entry === undefined) throw invalid(`it holds no ${q.name}`)
  await withPlain(q, async ({ bytes }) => {
    for (;;) {
      const name = await nameOf(bytes)
      if (name === MANIFEST_NAME) throw replaced(entry)
      if (name === entry.name) break
      for await (const _ of blocks(bytes));
    }
    await readContent(entry.name, bytes, take, (read) => {
      if (read.bytes !== entry.bytes || read.sha256 !== entry.sha256) throw replaced(entry)
    })
  })
}

type Plain = {
  header: SealedHeader
  bytes: Reader /** Of the file, when it is read to its end. */
  sha256(): string
}

async function withPlain<T>(q: Question, read: (plain: Plain) => Promise<T>): Promise<T> {
  const digest = createHash('sha256')
  const stream = createReadStream(q.file)
  async function* hashed(): AsyncGenerator<Buffer> {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      q.signal?.throwIfAborted()
      digest.update(chunk)
      yield chunk
    }
  }
  try {
    const { header, plain } = await openSealed(q.secret, hashed())
    const gunzip = createGunzip({ chunkSize: 256 * 1024 })
    // A failure destroys gunzip, and so its reader gets the error.
    pipeline(plain, gunzip, () => undefined)
    return await read({ header, bytes: reader(gunzip), sha256: () => digest.digest('hex') })
  } catch (thrown) {
    if (thrown instanceof Fault) throw thrown
    if (/^Z_|ZLIB/.test(String((thrown as NodeJS.ErrnoException).code)))
      throw invalid('it was not compressed whole', thrown)
    throw new Fault('io_error', { what: q.file, cause: thrown })
  } finally {
    stream.destroy()
  }
}

type Reader = { take(length: number): Promise<Buffer>; isAtEnd(): Promise<boolean> }

/** Returns exactly as many bytes as asked for. */
function reader(bytes: AsyncIterable<Buffer>): Reader {
  const chunks = bytes[Symbol.asyncIterator]()
  let held: Buffer = Buffer.alloc(0)
  let total = 0
  async function fill(length: number): Promise<boolean> {
    while (held.length < length) {
      const next = await chunks.next()
      if (next.done === true) return false
      total += next.value.length
      if (total > MAX_PLAIN) throw invalid('it holds too much')
      held = Buffer.concat([held, next.value])
    }
    return true
  }
  return {
    async take(length) {
      if (!(await fill(length))) throw invalid('it ends too early')
      const taken = held.subarray(0, length)
      held = held.subarray(length)
      return taken
    },
    isAtEnd: async () => !(await fill(1)),
  }
}

async function readEntries(
  bytes: Reader,
  take: (name: string, content: AsyncIterable<Buffer>) => Promise<void>,
): Promise<Omit<ReadBackup, 'sha256'>> {
  const found: Entry[] = []
  for (;;) {
    const name = await nameOf(bytes)
    if (name === MANIFEST_NAME) break
    await readContent(
      name,
      bytes,
      (content) => take(name, content),
      (entry) => void found.push(entry),
    )
  }
  const parts: Buffer[] = []
  let length = 0
  for await (const block of blocks(bytes)) {
    length += block.length
    if (length > MAX_MANIFEST) throw invalid('its manifest is too long')
    parts.push(block)
  }
  const { manifest, signature } = readManifest(Buffer.concat(parts))
  if (!(await bytes.isAtEnd())) throw invalid('something stands behind its manifest')
  const told = new Map(manifest.entries.map((entry) => [entry.name, entry]))
  const fits = ({ name, bytes: size, sha256 }: Entry): boolean =>
    told.get(name)?.bytes === size && told.get(name)?.sha256 === sha256
  if (found.length !== manifest.entries.length || told.size !== found.length || !found.every(fits))
    throw invalid('its entries are not those of its manifest')
  return { manifest, signature }
}

/** The name of the next entry. */
async function nameOf(bytes: Reader): Promise<string> {
  const length = (await bytes.take(2)).readUInt16BE()
  const name = length > MAX_NAME ? '' : (await bytes.take(length)).toString('latin1')
  if (name !== MANIFEST_NAME && !ENTRY_NAME.test(name)) throw invalid('an entry has a name that is not taken')
  return name
}

/** `ended` gets what was read before the reader of the content sees its end. */
async function readContent(
  name: string,
  bytes: Reader,
  take: Take,
  ended: (entry: Entry) => void,
): Promise<void> {
  const digest = createHash('sha256')
  let size = 0
  let isRead = false
  async function* content(): AsyncGenerator<Buffer> {
    for await (const block of blocks(bytes)) {
      digest.update(block)
      size += block.length
      yield block
    }
    ended({ name, bytes: size, sha256: digest.digest('hex') })
    isRead = true
  }
  await take(content())
  if (!isRead) throw new Error(`the entry ${name} was not read to its end`)
}

async function* blocks(bytes: Reader): AsyncGenerator<Buffer> {
  for (;;) {
    const length = (await bytes.take(4)).readUInt32BE()
    if (length === 0) return
    if (length > MAX_BLOCK) throw invalid('a part of an entry is too long')
    yield bytes.take(length)
  }
}

function replaced({ name }: Entry): Fault {
  return invalid(`the file was replaced while it was read: its ${name} is not the one that was verified`)
}

function invalid(what: string, cause?: unknown): Fault {
  return new Fault('backup_invalid', { what, cause })
}
