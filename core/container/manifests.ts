/** The two manifests of a container: OpenDocument's list of files, and ASiC's of what the time-stamp covers. */
import { hash } from 'node:crypto'
import { Fault } from '#schemas/fault.ts'
import { DIGEST_URI } from '#schemas/wire.ts'
import { ENTRY, MIME_TYPE } from './container.ts'

/** META-INF/manifest.xml: every entry but mimetype and META-INF. */
export function writeManifest(documents: string[], attachments: string[]): Buffer {
  const entry = (name: string, type: string): string =>
    `    <manifest:file-entry manifest:media-type="${type}" manifest:full-path="${name}"/>\n`
  const entries = [
    entry('/', MIME_TYPE),
    ...documents.map((name) => entry(name, 'text/xml')),
    ...attachments.map((name) => entry(name, 'application/octet-stream')),
  ]
  return Buffer.from(
    `<?xml version="1.0" encoding="UTF-8"?>\n<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0" manifest:version="1.2">\n${entries.join('')}</manifest:manifest>\n`,
  )
}

/** META-INF/ASiCManifest.xml of a batch time-stamp, with X-Road's namespace (its own, without a leading zero). */
export function writeAsicManifest(timestampHashChainResult: Buffer): Buffer {
  const digest = hash('sha512', timestampHashChainResult, 'base64')
  return Buffer.from(
    `<?xml version="1.0" encoding="utf-8"?>\n<asic:ASiCManifest xmlns:asic="http://uri.etsi.org/2918/v1.2.1#" xmlns:ds="http://www.w3.org/2000/09/xmldsig#">\n<asic:SigReference URI="${ENTRY.timestamp}" MimeType="vnd.etsi.timestamp-token"/>\n<asic:DataObjectReference URI="${ENTRY.timestampHashChainResult}" MimeType="text/xml">\n<ds:DigestMethod Algorithm="${DIGEST_URI['SHA-512']}" />\n<ds:DigestValue>${digest}</ds:DigestValue>\n</asic:DataObjectReference>\n</asic:ASiCManifest>`,
  )
}

/** Refuses an ASiC manifest that is not the one for this result: `malformed_signature`. */
export function checkAsicManifest(manifest: Buffer, timestampHashChainResult: Buffer): void {
  const flat = (bytes: Buffer): string =>
    bytes.toString('latin1').replace(/\s+/g, ' ').replaceAll(' />', '/>').replaceAll('> <', '><')
  // Java and we write the same document; white space may differ.
  if (flat(manifest).trim() !== flat(writeAsicManifest(timestampHashChainResult))) {
    throw new Fault('malformed_signature', { what: `${ENTRY.asicManifest} is about something else` })
  }
}
