/**
 * The two manifests of a container: OpenDocument's list of files, and ASiC's list of what the time-stamp
 * covers.
 */
import { hash } from 'node:crypto'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { DIGEST_URI } from '#schemas/wire.ts'
import { type Container, ENTRY, MIME_TYPE } from './container.ts'

const OPEN =
  /^(?:<\?xml version="1\.0" encoding="(?:utf|UTF)-8"\?>)?\s*<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1\.0"(?: manifest:version="1\.2")?>\s*/
const FILE_ENTRY =
  /<manifest:file-entry manifest:media-type="([a-z.+/-]{1,64})" manifest:full-path="([A-Za-z0-9._/-]{1,100})" ?\/>\s*/y
const CLOSE = /<\/manifest:manifest>\s*$/y
/** Several times the size for a container of 128 entries. */
const MAX_MANIFEST = 128 * 1024
const [XML, OCTETS] = ['text/xml', 'application/octet-stream']

/** META-INF/manifest.xml: every entry but mimetype and META-INF. */
export function writeManifest(documents: string[], attachments: string[]): Buffer {
  const entry = (name: string, type: string): string =>
    `    <manifest:file-entry manifest:media-type="${type}" manifest:full-path="${name}"/>\n`
  const entries = [
    entry('/', MIME_TYPE),
    ...documents.map((name) => entry(name, XML)),
    ...attachments.map((name) => entry(name, OCTETS)),
  ]
  return Buffer.from(
    `<?xml version="1.0" encoding="UTF-8"?>\n<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0" manifest:version="1.2">\n${entries.join('')}</manifest:manifest>\n`,
  )
}

/**
 * META-INF/ASiCManifest.xml of a batch time-stamp, with X-Road's namespace (its own, without a leading zero).
 */
export function writeAsicManifest(timestampHashChainResult: Buffer): Buffer {
  const digest = hash('sha512', timestampHashChainResult, 'base64')
  return Buffer.from(
    `<?xml version="1.0" encoding="utf-8"?>\n<asic:ASiCManifest xmlns:asic="http://uri.etsi.org/2918/v1.2.1#" xmlns:ds="http://www.w3.org/2000/09/xmldsig#">\n<asic:SigReference URI="${ENTRY.timestamp}" MimeType="vnd.etsi.timestamp-token"/>\n<asic:DataObjectReference URI="${ENTRY.timestampHashChainResult}" MimeType="text/xml">\n<ds:DigestMethod Algorithm="${DIGEST_URI['SHA-512']}" />\n<ds:DigestValue>${digest}</ds:DigestValue>\n</asic:DataObjectReference>\n</asic:ASiCManifest>`,
  )
}

/**
 * Throws `malformed_signature` if the list of files differs from the entries of the container. The list is
 * not signed. Names may have any order, and must have X-Road's media types; `unused` chains, and the
 * container itself, may be left out.
 */
export function checkManifest(container: Container, unused: readonly string[]): void {
  if (container.manifest === undefined) return
  const { hashChainResult, hashChain, timestampHashChainResult, timestampHashChain } = container
  const documents = [
    ENTRY.message,
    ...(hashChainResult === undefined ? [] : [ENTRY.hashChainResult]),
    ...(hashChain === undefined ? [] : [ENTRY.hashChain]),
    ...(timestampHashChainResult === undefined ? [] : [ENTRY.timestampHashChainResult]),
    ...(timestampHashChain === undefined ? [] : [ENTRY.timestampHashChain]),
    ...container.strayChains.map(({ name }) => name),
  ]
  const missing = new Map<string, string>([
    ['/', MIME_TYPE],
    ...documents.map((name): [string, string] => [name, XML]),
    ...container.attachments.map(({ name }): [string, string] => [name, OCTETS]),
  ])
  const isSound = listedIn(container.manifest)?.every(
    ([type, name]) => missing.get(name) === type && missing.delete(name),
  )
  const left = [...missing.keys()].filter((name) => name !== '/' && !unused.includes(name))
  if (isSound !== true || left.length > 0)
    throw new Fault('malformed_signature', {
      what: say`${ENTRY.manifest} says something else than what is in the container`,
    })
}

/** Media type and name of each listed entry; undefined if the list contains anything else. */
function listedIn(manifest: Buffer): [type: string, name: string][] | undefined {
  if (manifest.length > MAX_MANIFEST) return undefined
  const text = manifest.toString('latin1')
  let at = OPEN.exec(text)?.[0].length ?? text.length
  const listed: [string, string][] = []
  for (;;) {
    FILE_ENTRY.lastIndex = at
    const found = FILE_ENTRY.exec(text)
    if (found === null) break
    listed.push([found[1]!, found[2]!])
    at = FILE_ENTRY.lastIndex
  }
  CLOSE.lastIndex = at
  return CLOSE.test(text) ? listed : undefined
}

/** Throws `malformed_signature` if the ASiC manifest is not the one for this hash chain result. */
export function checkAsicManifest(manifest: Buffer, timestampHashChainResult: Buffer): void {
  const flat = (bytes: Buffer): string =>
    bytes.toString('latin1').replace(/\s+/g, ' ').replaceAll(' />', '/>').replaceAll('> <', '><')
  // Java and we write the same document, except for white space.
  if (flat(manifest).trim() !== flat(writeAsicManifest(timestampHashChainResult))) {
    throw new Fault('malformed_signature', { what: say`${ENTRY.asicManifest} is about something else` })
  }
}
