/** Reads a WSDL document and what it imports: files beside it, none from the network, within bounds. */
import { readBeside } from '#adapters/kit/read-beside.ts'
import { collectDocuments, type Documents } from '#core/wsdl/collect-documents.ts'

/** Throws `invalid_configuration` that names the file. */
export async function readDocuments(file: string): Promise<Documents> {
  const { first, read } = await readBeside(file)
  return collectDocuments(first, read)
}
