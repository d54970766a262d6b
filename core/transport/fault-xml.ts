/**
 * Faults between security servers: SOAP 1.1 fault XML, for REST too, written as X-Road does (SoapFault.java,
 * pr-mess).
 */
import { treeOf, type XmlElement } from '#core/xml/element.ts'
import { escapeXml } from '#core/xml/escape.ts'
import { readStrictXml } from '#core/xml/strict-reader.ts'
import type { WireFault } from '#schemas/fault.ts'

const SOAP = 'http://schemas.xmlsoap.org/soap/envelope/'
const FORM = { bytes: 65_536, depth: 32, elements: 2_000, attributes: 32 }
const CODE = /^[\x21-\x7e]{1,255}$/
const MAX_DETAIL_LENGTH = 4_096

/** The content type of a fault, as a response and as a part. */
export const FAULT_CONTENT_TYPE = 'text/xml; charset=UTF-8'

/** The fault as X-Road writes it, byte for byte; characters that XML 1.0 does not know are left out. */
export function writeSoapFault(fault: WireFault): Buffer {
  if (fault.document !== undefined) return fault.document
  const detail =
    fault.detail === ''
      ? ''
      : `<detail><faultDetail xmlns="">${escapeText(fault.detail)}</faultDetail></detail>`
  return Buffer.from(
    `<?xml version="1.0" encoding="UTF-8"?><SOAP-ENV:Envelope xmlns:SOAP-ENV="${SOAP}"><SOAP-ENV:Body>` +
      `<SOAP-ENV:Fault><faultcode>${escapeText(fault.type)}</faultcode>` +
      `<faultstring>${escapeText(fault.message)}</faultstring>${detail}` +
      '</SOAP-ENV:Fault></SOAP-ENV:Body></SOAP-ENV:Envelope>',
    'utf8',
  )
}

/** The same as parseSoapFault, with the document: what stands in its detail is for the asking system. */
export function receivedFault(bytes: Buffer): WireFault | undefined {
  const fault = parseSoapFault(bytes)
  return fault === undefined ? undefined : { ...fault, document: bytes }
}

/**
 * The fault in `bytes`, or undefined when they are no SOAP fault with a printable code and a text: malformed
 * or over 64 KiB, a document type, an entity beyond XML's five, more or less than one fault.
 */
export function parseSoapFault(bytes: Buffer): WireFault | undefined {
  const envelope = readStrictXml(bytes, FORM, treeOf)?.value
  if (envelope === undefined || !isSoap(envelope, 'Envelope')) return undefined
  const bodies = envelope.children.filter((child) => isSoap(child, 'Body'))
  const inBody = bodies[0]?.children ?? []
  const fault = inBody[0]
  if (bodies.length !== 1 || inBody.length !== 1 || fault === undefined || !isSoap(fault, 'Fault'))
    return undefined
  const type = only(fault, 'faultcode')?.text.trim()
  const message = only(fault, 'faultstring')?.text
  if (type === undefined || !CODE.test(type) || message === undefined) return undefined
  const detail = only(fault, 'detail')
  const detailText = detail === undefined ? '' : (only(detail, 'faultDetail')?.text ?? detail.text).trim()
  return { type, message, detail: detailText.slice(0, MAX_DETAIL_LENGTH) }
}

function isSoap(element: XmlElement, local: string): boolean {
  return element.namespace === SOAP && element.name === local
}

// X-Road reads these by local name alone, so their namespace says nothing.
function only(parent: XmlElement, local: string): XmlElement | undefined {
  const found = parent.children.filter((child) => child.name === local)
  return found.length === 1 ? found[0] : undefined
}

function escapeText(text: string): string {
  const allowed = text.toWellFormed().replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, '')
  return escapeXml(allowed).replace(/[\x7f-\x84\x86-\x9f]/g, (mark) => `&#${mark.charCodeAt(0)};`)
}
