/**
 * Compiles a WSDL document with the schemas that stand in it into what its messages are held against. Nothing
 * is fetched. Compiling and judging take any amount of time: for a thread that can be ended.
 */

import type { Compiled, Violation } from '#core/openapi/rest-message.ts'
import { escapeXml } from '#core/xml/escape.ts'
import {
  compileXmlSchema,
  withXmlDocument,
  type XmlSchema,
  type XmlView,
  type XmlViolation,
} from '#core/xml/library.ts'
import { readTree } from '#core/xml/read-tree.ts'
import { splitName } from '#core/xml/tags.ts'
import { ruleOf } from '#core/xml/violation-rule.ts'
import { Fault } from '#schemas/fault.ts'
import { BOUNDS, refused, WSDL, XML_SCHEMA } from './elements.ts'
import { type ElementName, readMessages, type SoapOperation } from './read-messages.ts'

const SOAP = 'http://schemas.xmlsoap.org/soap/envelope/'
/** As for every SOAP document that is exchanged. */
const OF_MESSAGES = {
  bytes: 10 * 1024 * 1024,
  ...{ elements: 500_000, nodes: 1_000_000, depth: 256, scope: 1_000 },
}
const MAX_SCHEMAS = 1_000

export type SoapMessage = {
  protocol: 'SOAP'
  half: 'request' | 'response'
  /** The service: `code`, or `code/version`. */
  operation: string
  body: Uint8Array
}

export type CompiledWsdl = Compiled<SoapMessage> & {
  /** By service, as `SoapMessage` names it. */
  operations: ReadonlyMap<string, SoapOperation>
}

/** Throws `invalid_input` that says what cannot be compiled. */
export async function compileWsdl(text: string): Promise<CompiledWsdl> {
  const bytes = Buffer.from(text)
  const operations = readMessages(await readTree(bytes, { ...BOUNDS, refuse: refused }), text)
  const schemas = await withXmlDocument(bytes, { ...BOUNDS, dropBlanks: false, refuse: refused }, schemasIn)
  if (schemas.length === 0) throw refused('there is no schema in its types')
  if (schemas.length > MAX_SCHEMAS) throw refused(`it has more than ${MAX_SCHEMAS} schemas`)
  const schema = await compileXmlSchema(joined(schemas), (what, cause) =>
    refused(what.replaceAll(`{${XML_SCHEMA}}`, '').slice(0, 300).toWellFormed(), cause),
  )
  try {
    for (const operation of operations.values())
      for (const half of ['request', 'response'] as const) await checkDeclared(operation[half], schema)
  } catch (cause) {
    schema.free()
    throw cause
  }
  return {
    operations,
    judge: (message) => judge(message, operations.get(message.operation), schema),
    free: schema.free,
  }
}

/** Else every message would be refused later on: the element may be in a schema that stands elsewhere. */
async function checkDeclared({ namespace, name }: ElementName, schema: XmlSchema): Promise<void> {
  const called = `{${namespace}}${name}`.slice(0, 300)
  const refuse = () => refused(`${called} is no name of an element`)
  const empty = namespace === '' ? `<${name}/>` : `<x:${name} xmlns:x="${escapeXml(namespace)}"/>`
  await withXmlDocument(Buffer.from(empty), { ...BOUNDS, refuse }, (root) => {
    if (/No matching global (?:element )?declaration/.test(root.violationOf(schema)?.message ?? ''))
      throw refused(`the element ${called} is not declared in its types`)
  })
}

type InlineSchema = { namespace: string; bytes: Buffer }

/** Each as a document of its own, with the namespaces that are in scope where it stands. */
function schemasIn(root: XmlView): InlineSchema[] {
  const types = childrenOf(root).filter(({ namespace, name }) => namespace === WSDL && name === 'types')
  return types
    .flatMap((one) => childrenOf(one))
    .filter(({ namespace, name }) => namespace === XML_SCHEMA && name === 'schema')
    .map((schema) => {
      const bytes = schema.canonical('inclusive')
      if (bytes === undefined) throw refused('a schema in its types cannot be read')
      const namespace = new Map(schema.attributes()).get('targetNamespace') ?? ''
      return { namespace, bytes }
    })
}

/**
 * A schema that imports all of them. Those of one namespace are included in one, since a namespace is
 * imported once. What they import without a location is found by its namespace; what they include by a
 * location is not there.
 */
function joined(schemas: InlineSchema[]): { main: string; documents: Map<string, Buffer> } {
  const documents = new Map<string, Buffer>()
  const imports: string[] = []
  for (const [namespace, same] of Map.groupBy(schemas, (one) => one.namespace)) {
    const target = namespace === '' ? '' : ` targetNamespace="${escapeXml(namespace)}"`
    const includes = same.map(({ bytes }) => {
      const location = `types:${documents.size}`
      documents.set(location, bytes)
      return `<xs:include schemaLocation="${location}"/>`
    })
    const location = `types:${documents.size}`
    documents.set(location, Buffer.from(schemaOf(includes, target)))
    const of = namespace === '' ? '' : ` namespace="${escapeXml(namespace)}"`
    imports.push(`<xs:import${of} schemaLocation="${location}"/>`)
  }
  // A schema without a target namespace may not import what has none.
  return { main: schemaOf(imports, ' targetNamespace="urn:types"'), documents }
}

function schemaOf(content: string[], target: string): string {
  return `<xs:schema xmlns:xs="${XML_SCHEMA}"${target}>${content.join('')}</xs:schema>`
}

async function judge(
  message: SoapMessage,
  operation: SoapOperation | undefined,
  schema: XmlSchema,
): Promise<Violation | undefined> {
  if (operation === undefined) return wrong('operation', 'the document has none for this service')
  const refuse = (what: string, cause?: unknown) => new Fault('invalid_soap', { what, cause })
  const bytes = Buffer.from(message.body.buffer, message.body.byteOffset, message.body.byteLength)
  try {
    return await withXmlDocument(bytes, { ...OF_MESSAGES, refuse }, (root) => {
      const body = childrenOf(root).find(({ namespace, name }) => namespace === SOAP && name === 'Body')
      const [element, ...more] = body === undefined ? [] : childrenOf(body)
      if (element === undefined || more.length > 0) return wrong('body', 'it has one element')
      if (message.half === 'response' && element.namespace === SOAP && element.name === 'Fault')
        return undefined
      const { namespace, name } = operation[message.half]
      if (element.namespace !== namespace || element.name !== name)
        return wrong('body', `its element is {${namespace}}${name}`)
      const found = element.violationOf(schema)
      return found && { place: 'body', pointer: pointerOf(found), rule: ruleOf(found) }
    })
  } catch (cause) {
    if (cause instanceof Fault && cause.code === 'invalid_soap')
      return wrong('body', cause.what ?? 'it is not XML')
    throw cause
  }
}

/** Below the body, by local names. */
function pointerOf({ path }: XmlViolation): string {
  const names = path.split('/').slice(3)
  return names.map((name) => `/${splitName(name.replace(/\[\d+\]$/, ''))[1]}`).join('')
}

function childrenOf(element: XmlView): XmlView[] {
  return [...element.content()].filter((item) => typeof item !== 'string' && !('other' in item)) as XmlView[]
}

function wrong(place: string, rule: string): Violation {
  return { place, pointer: '', rule }
}
