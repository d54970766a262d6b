/**
 * What the service `offers` is: schemas/offers.yaml, in the form of which the kit makes an adapter's
 * document.
 */
import type { DescribedOperation } from '#adapters/kit/openapi-document.ts'
import { type OpenApiDocument, resolve, type Schema } from '#platform/http-service/openapi-operations.ts'
import { readDocument } from '#platform/http-service/read-document.ts'

type Raw = {
  operationId: string
  summary: string
  parameters?: DescribedOperation['parameters']
  requestBody?: { content: { 'application/json': { schema: Schema } } }
  responses: Record<string, { description: string; content?: { 'application/json': { schema: Schema } } }>
}

const BODY_BYTES = 65_536

export async function describeOffers(): Promise<DescribedOperation[]> {
  const document = await readDocument<OpenApiDocument>(new URL('../../schemas/offers.yaml', import.meta.url))
  return Object.entries(document.paths).flatMap(([path, item]) =>
    (['get', 'post'] as const).flatMap((method): DescribedOperation[] => {
      const raw = item[method] as Raw | undefined
      if (raw === undefined) return []
      const { '200': answered, ...refusals } = raw.responses
      return [
        {
          ...{ id: raw.operationId, method, path, summary: raw.summary, mayMiss: false },
          parameters: (raw.parameters ?? []).map((one) => resolve(document, one)),
          answer: answered!.content!['application/json'].schema,
          refusals: Object.fromEntries(
            Object.entries(refusals).map(([status, { description }]) => [status, description]),
          ),
          schemas: document.components?.schemas ?? {},
          ...(raw.requestBody && {
            ...{ body: raw.requestBody.content['application/json'].schema, bodyBytes: BODY_BYTES },
          }),
        },
      ]
    }),
  )
}
