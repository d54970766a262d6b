/** Reads what X-Road's keyconf.xml says of software keys: usage, label, certificates. libxml2-wasm is loaded only for that. */
import { type Certificate, readCertificate } from '#core/certificate/certificate.ts'
import { Fault } from '#schemas/fault.ts'
import type { KeyUsage } from './key-file.ts'

export type KeyconfKey = {
  usage: KeyUsage
  label: string
  /** DER of the public key. */
  publicKey: Buffer
  certificates: { certificate: Certificate; active: boolean }[]
}

const MAX_BYTES = 4 * 1024 * 1024
const MAX_KEYS = 1000

/** The keys of all devices that have a usage and a public key. Throws `invalid_xml`. */
export async function readKeyconf(xml: Buffer): Promise<KeyconfKey[]> {
  if (xml.length > MAX_BYTES) throw malformed('larger than 4 MiB')
  // X-Road writes none; without a document type there are no entities to expand or fetch.
  if (xml.includes('<!DOCTYPE')) throw malformed('it has a document type')
  const { XmlDocument, XmlElement } = await import('libxml2-wasm')
  let document: InstanceType<typeof XmlDocument> | undefined
  try {
    document = XmlDocument.fromBuffer(xml)
    const nodes = document.find('/*[local-name()="keyConf"]/device/key')
    if (nodes.length > MAX_KEYS) throw malformed('too many keys')
    return nodes.filter((node) => node instanceof XmlElement).flatMap((key) => readKey(key))
  } catch (cause) {
    if (cause instanceof Fault) throw cause
    throw malformed('it does not parse', cause)
  } finally {
    document?.dispose()
  }
}

type Element = import('libxml2-wasm').XmlElement

function readKey(key: Element): KeyconfKey[] {
  const usage = key.attr('usage')?.value
  const publicKey = text(key, 'publicKey')
  if ((usage !== 'SIGNING' && usage !== 'AUTHENTICATION') || publicKey === undefined) return []
  const certificates = key.find('cert').map((cert) => {
    const element = cert as Element
    return {
      certificate: readCertificate(base64(text(element, 'contents') ?? '')),
      active: element.attr('active')?.value !== 'false',
    }
  })
  return [{ usage, label: text(key, 'friendlyName') ?? '', publicKey: base64(publicKey), certificates }]
}

function text(element: Element, child: string): string | undefined {
  return element.get(child)?.content
}

function base64(value: string): Buffer {
  const clean = value.replace(/\s/g, '')
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(clean)) throw malformed('a base64 value')
  return Buffer.from(clean, 'base64')
}

function malformed(what: string, cause?: unknown): Fault {
  return new Fault('invalid_xml', { what: `keyconf.xml: ${what}`, cause })
}
