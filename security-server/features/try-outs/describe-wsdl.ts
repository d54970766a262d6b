/**
 * The one operation of a SOAP service: what the WSDL says of it, and an element that fits. For a thread that
 * can be ended.
 */
import { createChoices } from '#core/openapi/choices.ts'
import { collectDocuments, type Documents, WSDL, XROAD } from '#core/wsdl/collect-documents.ts'
import { makeElement } from '#core/wsdl/make-element.ts'
import { readOperations } from '#core/wsdl/read-operations.ts'
import { writeRequest } from '#core/wsdl/write-element.ts'
import type { XmlElement } from '#core/xml/element.ts'
import type { Description } from './described.ts'

const MAX_TEXT = 500
const MAX_DESCRIPTION = 4_000

/** Throws `invalid_configuration` that says what in the document cannot be read. */
export async function describeWsdl(text: string, serviceCode: string): Promise<Description> {
  const first = { name: 'the document', bytes: Buffer.from(text) }
  const documents = await collectDocuments(first, async () => undefined)
  const { input } = readOperations(documents, undefined).find(serviceCode)
  const choices = createChoices(serviceCode)
  const sample = writeRequest(input, makeElement(input, { document: {}, minor: 1, half: 'request', choices }))
  const body = { required: true, contentType: 'text/xml', sample }
  const { title: summary, description } = saidOf(operationIn(documents, serviceCode))
  return {
    about: { ...saidOf(documents.definitions[0]?.root), version: '' },
    operations: [{ method: 'POST', path: '', summary, description, parameters: [], body, answers: [] }],
  }
}

function operationIn({ definitions }: Documents, name: string): XmlElement | undefined {
  return definitions
    .flatMap(({ root }) => root.children.filter((one) => isWsdl(one, 'portType')))
    .flatMap(({ children }) => children)
    .find((one) => isWsdl(one, 'operation') && one.attributes.get('name') === name)
}

/** X-Road has a title and notes inside the documentation. */
function saidOf(element: XmlElement | undefined): { title: string; description: string } {
  const said = element?.children.find((one) => isWsdl(one, 'documentation'))
  const own = (name: string): string =>
    said?.children.find((one) => one.namespace === XROAD && one.name === name)?.text.trim() ?? ''
  const texts = [said?.text.trim() ?? '', own('notes'), own('techNotes')].filter((one) => one !== '')
  return {
    title: own('title').slice(0, MAX_TEXT).toWellFormed(),
    description: texts.join('\n\n').slice(0, MAX_DESCRIPTION).toWellFormed(),
  }
}

function isWsdl({ namespace, name }: XmlElement, wanted: string): boolean {
  return namespace === WSDL && name === wanted
}
