/**
 * Reads a message container strictly: only allowed names, each once; number and size of entries within
 * bounds, both as declared and as found; right checksums; a structure that all readers read alike
 * (zip-structure.ts). X-Road's own order and compression are accepted.
 */
import { createHash, type Hash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { crc32 } from 'node:zlib'
import type { Entry, ZipFile } from 'yauzl'
import { DIGESTS, nodeDigest } from '#core/signature/algorithms.ts'
import { Fault } from '#schemas/fault.ts'
import { say, type Word } from '#schemas/said.ts'
import type { DigestName } from '#schemas/wire.ts'
import {
  ATTACHMENT,
  type Container,
  ENTRY,
  MIME_TYPE,
  type ReadAttachment,
  STRAY_CHAIN,
} from './container.ts'
import { holdsEntry, openZip } from './open-zip.ts'
import { readDirectory } from './zip-directory.ts'
import { checkStructure } from './zip-structure.ts'

/**
 * The most bytes of all documents together, which are held in memory, and of all attachments together, which
 * are not.
 */
export type ContainerLimits = { entries: number; documentBytes: number; attachmentBytes: number }

const DEFAULT_LIMITS: ContainerLimits = {
  entries: 1_100,
  documentBytes: 64 * 1024 * 1024,
  attachmentBytes: 64 * 1024 * 1024 * 1024,
}
const NAME = /^(?!.*\.\.)[A-Za-z0-9._-]{1,100}(?:\/[A-Za-z0-9._-]{1,100})?$/
const DIRECTORY = 'META-INF/'
const DESCRIPTOR_FLAG = 0x0008
/** No comment, or X-Road's. */
const COMMENTS = ['', `mimetype=${MIME_TYPE}`]
const documents: ReadonlySet<string> = new Set(Object.values(ENTRY))

/**
 * Whether the file is meant as a container: a ZIP file with a document that only containers have. Throws
 * `io_error`.
 */
export const isContainer = (file: string | Buffer): Promise<boolean> =>
  holdsEntry(file, Object.values(ENTRY), DEFAULT_LIMITS.entries)

/**
 * Reads a container from a file or from its bytes. Throws `malformed_container`, or `io_error` when the file
 * cannot be opened.
 */
export async function readContainer(
  file: string | Buffer,
  limits: Partial<ContainerLimits> = {},
): Promise<Container> {
  const zip = await openZip(file, malformed)
  try {
    return await read(zip, { ...DEFAULT_LIMITS, ...limits })
  } catch (cause) {
    if (cause instanceof Fault) throw cause
    throw malformed(say`an entry or a directory that cannot be read`, cause)
  } finally {
    zip.close()
  }
}

async function read(zip: ZipFile, limits: ContainerLimits): Promise<Container> {
  const directory = await readDirectory(zip, limits.entries, malformed)
  const { entries } = directory
  checkNames(entries)
  const left = { documents: limits.documentBytes, attachments: limits.attachmentBytes }
  for (const { fileName, uncompressedSize } of entries) {
    left[ATTACHMENT.test(fileName) ? 'attachments' : 'documents'] -= uncompressedSize
    if (left.documents < 0 || left.attachments < 0) throw malformed(say`entries that are too large`)
  }
  await checkStructure(zip, directory, { comments: COMMENTS, malformed })

  const found = new Map<string, Buffer>()
  for (const entry of entries.filter(({ fileName }) => documents.has(fileName))) {
    found.set(entry.fileName, await readDocument(zip, entry))
  }
  const container = assemble(found)
  const wanted = digestsIn(container)
  const ordered = inOrder(entries)
  const joined = ordered.length > 1 ? createHash('sha512') : undefined
  for (const entry of ordered) container.attachments.push(await readAttachment(zip, entry, wanted, joined))
  container.joinedSha512 = joined?.digest()
  for (const entry of entries.filter(({ fileName }) => isOther(fileName))) {
    const name = entry.fileName
    if (STRAY_CHAIN.has(name)) container.strayChains.push({ name, bytes: await readDocument(zip, entry) })
    else container.unknown.push(name)
  }
  return container
}

function isOther(name: string): boolean {
  return !documents.has(name) && !ATTACHMENT.test(name) && name !== DIRECTORY
}

function checkNames(entries: Entry[]): void {
  for (const { fileName, uncompressedSize, compressionMethod, generalPurposeBitFlag: flags } of entries) {
    // A program that reads the file as a stream cannot know where such an entry ends.
    if (compressionMethod === 0 && (flags & DESCRIPTOR_FLAG) !== 0)
      throw malformed(say`a stored entry whose size stands behind it`)
    if (fileName === DIRECTORY ? uncompressedSize > 0 : !NAME.test(fileName))
      throw malformed(say`a name that is not allowed`)
  }
}

function assemble(found: Map<string, Buffer>): Container {
  const needed = (name: string): Buffer => {
    const bytes = found.get(name)
    if (bytes === undefined || bytes.length === 0)
      throw new Fault('malformed_container', { what: say`an entry is missing in the container: ${name}` })
    return bytes
  }
  if (needed(ENTRY.mimetype).toString('latin1').toLowerCase() !== MIME_TYPE) {
    throw new Fault('malformed_container', { what: say`its media type is another` })
  }
  const container: Container = {
    message: needed(ENTRY.message),
    signatures: needed(ENTRY.signatures),
    hashChainResult: found.get(ENTRY.hashChainResult),
    hashChain: found.get(ENTRY.hashChain),
    timestampHashChainResult: found.get(ENTRY.timestampHashChainResult),
    timestampHashChain: found.get(ENTRY.timestampHashChain),
    timestampToken: found.get(ENTRY.timestamp),
    manifest: found.get(ENTRY.manifest),
    asicManifest: found.get(ENTRY.asicManifest),
    attachments: [],
    joinedSha512: undefined,
    strayChains: [],
    unknown: [],
  }
  const paired = (one: Buffer | undefined, other: Buffer | undefined): boolean =>
    (one === undefined) === (other === undefined)
  const chains =
    paired(container.hashChainResult, container.hashChain) &&
    paired(container.timestampHashChainResult, container.timestampHashChain)
  if (!chains) throw new Fault('malformed_container', { what: say`a hash chain is incomplete` })
  return container
}

/** Digests that signature or chain name. Computing others for large attachments would be wasted work. */
function digestsIn(container: Container): DigestName[] {
  const texts = [container.signatures, container.hashChain].map((bytes) => bytes?.toString('latin1') ?? '')
  return [...DIGESTS].filter(([uri]) => texts.some((text) => text.includes(uri))).map(([, name]) => name)
}

function inOrder(entries: Entry[]): Entry[] {
  const number = ({ fileName }: Entry): number => Number(ATTACHMENT.exec(fileName)?.[1])
  return entries.filter((entry) => number(entry) > 0).sort((one, other) => number(one) - number(other))
}

async function readDocument(zip: ZipFile, entry: Entry): Promise<Buffer> {
  const pieces: Buffer[] = []
  await readEntry(await zip.openReadStreamPromise(entry), entry, (piece) => pieces.push(piece))
  return Buffer.concat(pieces)
}

async function readAttachment(
  zip: ZipFile,
  entry: Entry,
  wanted: DigestName[],
  joined: Hash | undefined,
): Promise<ReadAttachment> {
  const hashes = wanted.map((name): [DigestName, Hash] => [name, createHash(nodeDigest(name))])
  await readEntry(await zip.openReadStreamPromise(entry), entry, (piece) => {
    for (const [, hash] of hashes) hash.update(piece)
    joined?.update(piece)
  })
  const digests = new Map(hashes.map(([name, hash]) => [name, hash.digest()]))
  return {
    name: entry.fileName,
    size: entry.uncompressedSize,
    digest: (name) => {
      const digest = digests.get(name)
      if (digest === undefined)
        throw new Fault('invalid_reference', {
          what: say`there is no digest ${name} of the entry ${entry.fileName}`,
        })
      return digest
    },
  }
}

/** yauzl stops at the declared size, but does not check the checksum. */
async function readEntry(stream: Readable, entry: Entry, take: (piece: Buffer) => void): Promise<void> {
  let checksum = 0
  for await (const piece of stream as AsyncIterable<Buffer>) {
    checksum = crc32(piece, checksum)
    take(piece)
  }
  if (checksum !== entry.crc32) throw malformed(say`an entry whose checksum is wrong`)
}

function malformed(what: Word, cause?: unknown): Fault {
  return new Fault('malformed_container', { what: say`it has ${what}`, cause })
}
