/**
 * Reads the schema of a drop: an XML Schema 1.0 with what it imports and includes, or a JSON Schema 2020-12.
 */
import { readBeside } from '#adapters/kit/read-beside.ts'
import type { Violation } from '#core/openapi/rest-message.ts'
import { collectDocuments, XS } from '#core/wsdl/collect-documents.ts'
import { escapeXml } from '#core/xml/escape.ts'

/** `main` imports the schema; `documents` has it and all that it names, by location. */
export type SchemaSource =
  | { kind: 'xsd'; main: string; documents: ReadonlyMap<string, Uint8Array> }
  | { kind: 'json'; text: string }

/** What in a file is not as its schema says, and where. */
export type Found = Omit<Violation, 'place'> | undefined

export type SchemaQuestion = { drop: string } & (
  | { act: 'compile'; schema: SchemaSource }
  | { act: 'judge'; bytes: Uint8Array }
)

const FIRST = 'schema:/main.xsd'

/** Throws `invalid_configuration` that names the file. */
export async function readSchema(file: string): Promise<SchemaSource> {
  const { first, read } = await readBeside(file)
  if (!file.endsWith('.xsd')) return { kind: 'json', text: first.bytes.toString('utf8') }
  const documents = new Map<string, Uint8Array>([[FIRST, first.bytes]])
  const locations = new Map([[first.name, FIRST]])
  // As the library resolves what a document names.
  const { schemas } = await collectDocuments(first, async (from, location) => {
    const found = await read(from, location)
    const at = new URL(location, locations.get(from)!).href
    documents.set(at, found.bytes)
    locations.set(found.name, at)
    return found
  })
  const { targetNamespace = '' } = schemas[0] ?? {}
  const of = targetNamespace === '' ? '' : ` namespace="${escapeXml(targetNamespace)}"`
  // A schema without a target namespace may not import what has none.
  const main = `<xs:schema xmlns:xs="${XS}" targetNamespace="urn:drop"><xs:import${of} schemaLocation="${FIRST}"/></xs:schema>`
  return { kind: 'xsd', main, documents }
}
