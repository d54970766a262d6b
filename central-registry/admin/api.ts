/** Reads the OpenAPI document of the management API. */
import type { OpenApiDocument } from '#platform/http-service/openapi-operations.ts'
import { readDocument } from '#platform/http-service/read-document.ts'

let document: Promise<OpenApiDocument> | undefined

/** The OpenAPI document of the management API, read once per process. Tests of the role table use it too. */
export function registryApi(): Promise<OpenApiDocument> {
  document ??= readDocument(new URL('../../schemas/central-registry-api.yaml', import.meta.url))
  return document
}
