/** The one operation of a SOAP service, with an element for its request that fits the WSDL. For a thread that can be ended. */
import { createChoices } from '#core/openapi/choices.ts'
import { collectDocuments } from '#core/wsdl/collect-documents.ts'
import { makeElement } from '#core/wsdl/make-element.ts'
import { readOperations } from '#core/wsdl/read-operations.ts'
import { writeRequest } from '#core/wsdl/write-element.ts'
import type { Operation } from './described.ts'

/** Throws `invalid_configuration` that says what in the document cannot be read. */
export async function sampleOfWsdl(text: string, serviceCode: string): Promise<Operation[]> {
  const first = { name: 'the document', bytes: Buffer.from(text) }
  const documents = await collectDocuments(first, async () => undefined)
  const { input } = readOperations(documents, undefined).find(serviceCode)
  const choices = createChoices(serviceCode)
  const sample = writeRequest(input, makeElement(input, { document: {}, minor: 1, half: 'request', choices }))
  const body = { required: true, contentType: 'text/xml', sample }
  return [{ method: 'POST', path: '', summary: '', description: '', parameters: [], body, answers: [] }]
}
