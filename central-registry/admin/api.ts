/** The file of the management API. */
import type { OpenApiDocument } from '#platform/http-service/openapi-operations.ts'
import { readDocument } from '#platform/http-service/read-document.ts'

let document: Promise<OpenApiDocument> | undefined

/** The API's source, for tests of the role table too; read once a process. */
export function registryApi(): Promise<OpenApiDocument> {
  document ??= readDocument(new URL('../../schemas/central-registry-api.yaml', import.meta.url))
  return document
}
