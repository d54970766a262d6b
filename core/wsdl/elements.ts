/**
 * The elements of WSDL 1.1 documents, the bounds within which they are read, and the fault for those that
 * cannot be.
 */
import type { XmlElement } from '#core/xml/element.ts'
import { Fault } from '#schemas/fault.ts'
import { say, type Word } from '#schemas/said.ts'

export const WSDL = 'http://schemas.xmlsoap.org/wsdl/'
export const SOAP_NAMESPACES: ReadonlySet<string> = new Set([
  'http://schemas.xmlsoap.org/wsdl/soap/',
  'http://schemas.xmlsoap.org/wsdl/soap12/',
])
const HTTP = 'http://schemas.xmlsoap.org/soap/http'
export const XML_SCHEMA = 'http://www.w3.org/2001/XMLSchema'
export const MAX_BYTES = 2 * 1024 * 1024
export const BOUNDS = {
  bytes: MAX_BYTES,
  ...{ elements: 50_000, nodes: 200_000, depth: 128, scope: 500, attributes: 100 },
  dropBlanks: true,
}

export function isSoapOverHttp(binding: XmlElement): boolean {
  return binding.children.some(
    (child) => isSoap(child, 'binding') && child.attributes.get('transport') === HTTP,
  )
}

export function childrenOf(element: XmlElement, name: string): XmlElement[] {
  return element.children.filter((child) => is(child, WSDL, name))
}

export function isSoap({ namespace, name }: XmlElement, local: string): boolean {
  return name === local && SOAP_NAMESPACES.has(namespace)
}

export function is({ namespace, name }: XmlElement, wanted: string, local: string): boolean {
  return namespace === wanted && name === local
}

export function refused(what: Word, cause?: unknown): Fault {
  return new Fault('invalid_input', { what: say`WSDL document: ${what}`, cause })
}
