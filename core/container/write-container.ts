/**
 * Writes a message container as a stream: mimetype first and stored, as ASiC requires, then the other entries
 * in X-Road's order. No stored entry has a data descriptor, because Java's stream reader cannot read one.
 */
import type { Readable } from 'node:stream'
import { type ContainerParts, ENTRY, MIME_TYPE } from './container.ts'
import { writeAsicManifest, writeManifest } from './manifests.ts'
import { storedZip } from './stored-zip.ts'
import { createZipStream } from './zip-stream.ts'

const FIRST_ZIP_DATE = new Date(1980, 0, 1)

/**
 * The container's bytes as a stream. Attachments are read one after the other; an error in one destroys the
 * stream.
 */
export function writeContainer(parts: ContainerParts): Readable {
  const zip = createZipStream()
  const options = { mtime: parts.time ?? FIRST_ZIP_DATE }
  zip.addBuffer(ENTRY.mimetype, Buffer.from(MIME_TYPE), {
    ...options,
    compress: false,
    forceDosTimestamp: true,
  })
  for (const [name, bytes] of documentsOf(parts)) zip.addBuffer(name, bytes, options)
  for (const { name, size, open } of parts.attachments) zip.addStream(name, { ...options, size }, open)
  zip.end(`mimetype=${MIME_TYPE}`)
  return zip.output
}

/**
 * The same container with stored entries, in one piece, for callers that compress it themselves. Undefined
 * when an attachment is not in memory.
 */
export function storeContainer(parts: ContainerParts): Buffer | undefined {
  const attachments: [string, Buffer][] = []
  for (const { name, bytes } of parts.attachments) {
    if (bytes === undefined) return undefined
    attachments.push([name, bytes])
  }
  const mimetype: [string, Buffer] = [ENTRY.mimetype, Buffer.from(MIME_TYPE)]
  return storedZip([mimetype, ...documentsOf(parts), ...attachments], `mimetype=${MIME_TYPE}`)
}

function documentsOf(parts: ContainerParts): [name: string, bytes: Buffer][] {
  const listed = (
    [
      [ENTRY.hashChainResult, parts.hashChainResult],
      [ENTRY.hashChain, parts.hashChain],
      [ENTRY.timestampHashChainResult, parts.timestampHashChainResult],
      [ENTRY.timestampHashChain, parts.timestampHashChain],
    ] as const
  ).filter((entry): entry is [(typeof entry)[0], Buffer] => entry[1] !== undefined)
  const documents: [string, Buffer][] = [
    [ENTRY.message, parts.message],
    [ENTRY.signatures, parts.signatures],
    ...listed,
    [
      ENTRY.manifest,
      writeManifest(
        [ENTRY.message, ...listed.map(([name]) => name)],
        parts.attachments.map(({ name }) => name),
      ),
    ],
  ]
  const { timestampHashChainResult, timestampToken } = parts
  if (timestampHashChainResult !== undefined) {
    documents.push([ENTRY.asicManifest, writeAsicManifest(timestampHashChainResult)])
  }
  if (timestampToken !== undefined) documents.push([ENTRY.timestamp, timestampToken])
  return documents
}
