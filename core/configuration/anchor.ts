/**
 * Configuration anchors (pr-gconf), from which an instance's trust begins: read strictly, written as X-Road
 * does, with the hash that people compare.
 */
import { createHash } from 'node:crypto'
import type { XmlElement } from '#core/xml/element.ts'
import { Fault, type FaultCode } from '#schemas/fault.ts'
import type { ConfigurationAnchor } from '#schemas/global-configuration.ts'
import { certificateDer } from './certificate-bytes.ts'
import { codeOf } from './xml-identifier.ts'
import { base64Of, dateTimeOf, sequenceOf } from './xml-reader.ts'
import { parseXml } from './xml-tree.ts'
import { branch, document, type Lines, leaf, XROAD_NAMESPACE } from './xml-write.ts'

const CODE = 'malformed_anchor'
const MAX_SOURCES = 64
const MAX_URL_LENGTH = 2048
/** An anchor is read while a person waits, so it must be small. */
const MAX_ELEMENTS = 10_000

/** Parses and checks an anchor file; throws `malformed_anchor` for any mistake. */
export async function parseAnchor(xml: Buffer): Promise<ConfigurationAnchor> {
  const root = await parseXml(xml, CODE, MAX_ELEMENTS)
  if (root.name !== 'configurationAnchor' || root.namespace !== XROAD_NAMESPACE) {
    throw new Fault(CODE, { what: 'the root element is not X-Road configurationAnchor' })
  }
  return readAnchorFields(root, CODE)
}

/**
 * Reads an anchor element of a file or of private-params. A missing time is read as 1970. Faults have the
 * code `code`.
 */
export function readAnchorFields(element: XmlElement, code: FaultCode): ConfigurationAnchor {
  const fields = sequenceOf(element, code)
  const generatedAt = fields.maybe('generatedAt')
  const instance = codeOf(fields.text('instanceIdentifier'), code)
  const sources = fields.many('source', (source) => readSource(source, code))
  fields.end()
  if (sources.length === 0 || sources.length > MAX_SOURCES) {
    throw new Fault(code, { what: `an anchor has 1 to ${MAX_SOURCES} sources` })
  }
  return {
    generatedAt: generatedAt === undefined ? new Date(0) : dateTimeOf(generatedAt, code),
    instance,
    sources,
  }
}

function readSource(element: XmlElement, code: FaultCode): ConfigurationAnchor['sources'][number] {
  const fields = sequenceOf(element, code)
  const downloadUrl = fields.text('downloadURL').trim()
  const verificationCerts = fields.many('verificationCert', (cert) =>
    certificateDer(base64Of(cert, code), code),
  )
  fields.end()
  const url = URL.parse(downloadUrl)
  if (
    url === null ||
    !/^https?:$/.test(url.protocol) ||
    url.username !== '' ||
    downloadUrl.length > MAX_URL_LENGTH
  ) {
    throw new Fault(code, { what: 'downloadURL is not an http or https address' })
  }
  if (verificationCerts.length === 0) throw new Fault(code, { what: 'a source has no verificationCert' })
  return { downloadUrl, verificationCerts }
}

/** The children of an anchor element. */
export function anchorLines(anchor: ConfigurationAnchor): Lines {
  return [
    ...leaf('generatedAt', anchor.generatedAt.toISOString()),
    ...leaf('instanceIdentifier', anchor.instance),
    ...anchor.sources.flatMap((source) =>
      branch('source', [
        ...leaf('downloadURL', source.downloadUrl),
        ...source.verificationCerts.flatMap((cert) => leaf('verificationCert', cert)),
      ]),
    ),
  ]
}

/** Writes an anchor file. */
export function writeAnchor(anchor: ConfigurationAnchor): Buffer {
  return document('configurationAnchor', anchorLines(anchor))
}

/** The hash that X-Road shows for an anchor file: SHA-224 of its bytes as "AA:BB:..". */
export function anchorHash(bytes: Buffer): string {
  const hex = createHash('sha224').update(bytes).digest('hex').toUpperCase()
  return (hex.match(/../g) as string[]).join(':')
}
