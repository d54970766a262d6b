/** Fetches the document of a service description; that of a WSDL with what it imports from its own origin. */
import { type FetchedDocument, joinWsdl } from '../../local-systems/join-wsdl.ts'
import type { ServiceDescription } from '../../local-systems/view.ts'
import type { Needs } from './needs.ts'

/**
 * Throws `service_malformed_url`, `description_not_fetched`, or `invalid_input` for a document that cannot be
 * read.
 */
export async function fetchDescription(
  type: ServiceDescription['type'],
  url: string,
  { fetchDocument }: Pick<Needs, 'fetchDocument'>,
): Promise<FetchedDocument> {
  const document = await fetchDocument(url)
  return type === 'WSDL' ? joinWsdl(url, document, fetchDocument) : { document, parts: [], warnings: [] }
}
