/**
 * Reads the software keys in X-Road's keyconf.xml: usage, label, certificates. libxml2 is loaded only for
 * that.
 */
import { type Certificate, readCertificate } from '#core/certificate/certificate.ts'
import type { XmlElement } from '#core/xml/element.ts'
import { readTree } from '#core/xml/read-tree.ts'
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
const BOUNDS = {
  ...{ bytes: MAX_BYTES, depth: 16, elements: 200_000, attributes: 16 },
  ...{ nodes: 400_000, scope: 64 },
}

/** The keys of all devices that have a usage and a public key. Throws `invalid_xml`. */
export async function readKeyconf(xml: Buffer): Promise<KeyconfKey[]> {
  const root = await readTree(xml, { ...BOUNDS, refuse: malformed })
  const devices = root.name === 'keyConf' ? named(root, 'device') : []
  const keys = devices.flatMap((device) => named(device, 'key'))
  if (keys.length > MAX_KEYS) throw malformed('too many keys')
  return keys.flatMap(readKey)
}

function readKey(key: XmlElement): KeyconfKey[] {
  const usage = key.attributes.get('usage')
  const publicKey = text(key, 'publicKey')
  if ((usage !== 'SIGNING' && usage !== 'AUTHENTICATION') || publicKey === undefined) return []
  const certificates = named(key, 'cert').map((cert) => ({
    certificate: readCertificate(base64(text(cert, 'contents') ?? '')),
    active: cert.attributes.get('active') !== 'false',
  }))
  return [{ usage, label: text(key, 'friendlyName') ?? '', publicKey: base64(publicKey), certificates }]
}

function named(element: XmlElement, name: string): XmlElement[] {
  return element.children.filter((child) => child.name === name && child.namespace === '')
}

function text(element: XmlElement, child: string): string | undefined {
  return named(element, child)[0]?.text
}

function base64(value: string): Buffer {
  const clean = value.replace(/\s/g, '')
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(clean)) throw malformed('a base64 value')
  return Buffer.from(clean, 'base64')
}

function malformed(what: string, cause?: unknown): Fault {
  return new Fault('invalid_xml', { what: `keyconf.xml: ${what}`, cause })
}
