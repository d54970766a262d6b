/**
 * The operations of one port of a WSDL 1.1 document, as far as they are document/literal with one element
 * each way.
 */
import type { XmlElement } from '#core/xml/element.ts'
import { type Documents, invalid, WSDL, XROAD } from './collect-documents.ts'
import type { ElementModel } from './model.ts'
import { readSchemas } from './read-schemas.ts'

export type SoapVersion = '1.1' | '1.2'

export type SoapOperation = {
  name: string
  version: SoapVersion
  action: string
  input: ElementModel
  output: ElementModel
  /** X-Road's version of the service, from its element in the binding. */
  serviceVersion: string | undefined
  /** X-Road's headers that the binding says its requests have. */
  xRoadHeaders: string[]
}

export type SoapOperations = {
  /** Of the port, as they are written. */
  names: string[]
  /** Throws `invalid_configuration` that says what is not there, or not supported. */
  find(name: string): SoapOperation
}

const SOAP: Record<string, SoapVersion> = {
  'http://schemas.xmlsoap.org/wsdl/soap/': '1.1',
  'http://schemas.xmlsoap.org/wsdl/soap12/': '1.2',
}
const HTTP = 'http://schemas.xmlsoap.org/soap/http'

type Port = { name: string; version: SoapVersion; binding: XmlElement; style: string }

/** Throws `invalid_configuration` when there is no such port, or it lacks what it refers to. */
export function readOperations(documents: Documents, portName: string | undefined): SoapOperations {
  const elementOf = readSchemas(documents)
  const ports = portsOf(documents)
  const port = portName === undefined ? ports[0] : ports.find(({ name }) => name === portName)
  if (port === undefined)
    throw invalid(`the WSDL has no SOAP port${portName === undefined ? '' : ` ${portName}`} over HTTP`)

  const globalOf = (kind: string, from: XmlElement, written: string): XmlElement => {
    const { namespace, name } = documents.nameOf(from, written)
    const found = documents.definitions
      .filter(({ targetNamespace }) => targetNamespace === namespace)
      .flatMap(({ root }) => childrenOf(root, kind))
      .find((one) => one.attributes.get('name') === name)
    if (found === undefined) throw invalid(`the WSDL has no ${kind} ${name}`)
    return found
  }
  const portType = globalOf('portType', port.binding, port.binding.attributes.get('type') ?? '')

  const partOf = (bound: XmlElement, abstract: XmlElement, way: string, where: string): ElementModel => {
    const body = childrenOf(bound, way).flatMap(({ children }) =>
      children.filter((one) => isSoap(one, 'body')),
    )[0]
    const part = childrenOf(abstract, way)[0]
    if (body === undefined || part === undefined) throw invalid(`${where}: it has no ${way} in SOAP`)
    if (body.attributes.get('use') === 'encoded')
      throw invalid(`${where}: encoded is not supported, only literal`)
    const message = globalOf('message', part, part.attributes.get('message') ?? '')
    const listed = body.attributes.get('parts')?.split(/\s+/)
    const parts = childrenOf(message, 'part').filter(
      (one) => listed?.includes(one.attributes.get('name') ?? '') ?? true,
    )
    const written = parts[0]?.attributes.get('element')
    if (parts.length !== 1 || written === undefined)
      throw invalid(`${where}: its ${way} is not one part with an element, as document/literal wants it`)
    return elementOf(parts[0]!, written)
  }

  const xRoadHeadersIn = (bound: XmlElement): string[] =>
    childrenOf(bound, 'input')
      .flatMap(({ children }) => children.filter((one) => isSoap(one, 'header')))
      .flatMap((header) => {
        const message = globalOf('message', header, header.attributes.get('message') ?? '')
        const part = childrenOf(message, 'part').find(
          (one) => one.attributes.get('name') === header.attributes.get('part'),
        )
        const written = part?.attributes.get('element')
        if (part === undefined || written === undefined) return []
        const { namespace, name } = documents.nameOf(part, written)
        return namespace === XROAD ? [name] : []
      })

  const find = (name: string): SoapOperation => {
    const where = `the operation ${name}`
    const bound = named(port.binding, name)
    const abstract = named(portType, name)
    if (bound === undefined || abstract === undefined) throw invalid(`the WSDL has no operation ${name}`)
    const soap = bound.children.find((child) => isSoap(child, 'operation'))
    if ((soap?.attributes.get('style') ?? port.style) !== 'document')
      throw invalid(`${where}: rpc is not supported, only document`)
    return {
      ...{ name, version: port.version, action: soap?.attributes.get('soapAction') ?? '' },
      input: partOf(bound, abstract, 'input', where),
      output: partOf(bound, abstract, 'output', where),
      serviceVersion:
        bound.children.find((child) => child.namespace === XROAD && child.name === 'version')?.text.trim() ||
        undefined,
      xRoadHeaders: xRoadHeadersIn(bound),
    }
  }
  const names = childrenOf(port.binding, 'operation').map((one) => one.attributes.get('name') ?? '')
  return { names, find }

  function portsOf({ definitions, nameOf }: Documents): Port[] {
    return definitions
      .flatMap(({ root }) => childrenOf(root, 'service').flatMap((service) => childrenOf(service, 'port')))
      .flatMap((one): Port[] => {
        const written = nameOf(one, one.attributes.get('binding') ?? '')
        const binding = definitions
          .filter(({ targetNamespace }) => targetNamespace === written.namespace)
          .flatMap(({ root }) => childrenOf(root, 'binding'))
          .find((each) => each.attributes.get('name') === written.name)
        const soap = binding?.children.find((child) => isSoap(child, 'binding'))
        if (binding === undefined || soap === undefined || soap.attributes.get('transport') !== HTTP)
          return []
        const version = SOAP[soap.namespace]!
        const style = soap.attributes.get('style') ?? 'document'
        return [{ name: one.attributes.get('name') ?? '', version, binding, style }]
      })
  }
}

function named(parent: XmlElement, name: string): XmlElement | undefined {
  return childrenOf(parent, 'operation').find((one) => one.attributes.get('name') === name)
}

function childrenOf({ children }: XmlElement, name: string): XmlElement[] {
  return children.filter((child) => child.namespace === WSDL && child.name === name)
}

function isSoap({ namespace, name }: XmlElement, local: string): boolean {
  return name === local && Object.hasOwn(SOAP, namespace)
}
