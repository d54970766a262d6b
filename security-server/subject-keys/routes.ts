/** The API of the key holder: a credential for each role, compared in constant time. */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import type { Caller } from '#platform/http-service/caller.ts'
import { registerOpenApi } from '#platform/http-service/openapi.ts'
import type { OpenApiDocument } from '#platform/http-service/openapi-operations.ts'
import { readDocument } from '#platform/http-service/read-document.ts'
import { Fault } from '#schemas/fault.ts'
import {
  SIGNED_TIME,
  type SubjectLookUp,
  type SubjectQuestion,
  type SubjectSearch,
} from '#schemas/subject-keys.ts'
import type { Holder } from './holder.ts'

type HolderCredentials = { index: string; search: string; tracker?: string | undefined }

/** Shorter credentials could be guessed. */
const LEAST_LENGTH = 32
const MOMENT = /^\d{1,15}$/
const BEARER = /^Bearer ([\x21-\x7e]{1,512})$/

/** The OpenAPI document of the API. */
export async function subjectKeysApi(): Promise<OpenApiDocument> {
  return readDocument(new URL('../../schemas/subject-keys-api.yaml', import.meta.url))
}

/** Throws `invalid_configuration` when a credential is too short or two are equal. */
export async function holderRoutes(
  app: FastifyInstance,
  { holder, credentials }: { holder: Holder; credentials: HolderCredentials },
): Promise<void> {
  const { index, search, tracker } = credentials
  const all = [index, search, ...(tracker === undefined ? [] : [tracker])]
  if (new Set(all).size < all.length)
    throw new Fault('invalid_configuration', { what: 'two credentials are the same' })
  if (all.some((credential) => credential.length < LEAST_LENGTH))
    throw new Fault('invalid_configuration', { what: `a credential has at least ${LEAST_LENGTH} characters` })
  const known: { digest: Buffer; caller: Caller }[] = [
    { digest: digestOf(index), caller: callerWith('INDEXER') },
    { digest: digestOf(search), caller: callerWith('SEARCHER') },
    ...(tracker === undefined ? [] : [{ digest: digestOf(tracker), caller: callerWith('TRACKER') }]),
  ]
  await registerOpenApi(app, {
    document: await subjectKeysApi(),
    authenticate: async (authorization, { headers }) => {
      const given = digestOf(BEARER.exec(authorization ?? '')?.[1] ?? '')
      const found = known.filter(({ digest }) => timingSafeEqual(digest, given))
      if (found[0] === undefined) throw new Fault('unauthorized')
      const signed = headers[SIGNED_TIME]
      if (typeof signed === 'string' && MOMENT.test(signed)) holder.heard(Number(signed))
      return found[0].caller
    },
    handlers: {
      evaluateRecords: async ({ body }) => ({
        records: await holder.evaluateRecords((body as { records: SubjectQuestion[] }).records),
      }),
      evaluateSearch: ({ body }) => holder.evaluateSearch(body as SubjectSearch),
      evaluateLookUp: ({ body }) => holder.evaluateLookUp(body as SubjectLookUp),
      getState: () => holder.state(),
      getAuditLog: ({ query }) => holder.audit.list(query as { before?: number; limit: number }),
      verifyAuditLog: () => holder.audit.verify(),
    },
  })
}

function callerWith(role: string): Caller {
  return { kind: 'key', id: role, name: role, roles: [role] }
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
