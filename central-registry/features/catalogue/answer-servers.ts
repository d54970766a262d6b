/**
 * Answers security servers at the registration listener: which services the catalogue has for them, and one
 * of them in its whole. The server's owner signs the question, a configuration signing key the answer.
 */
import {
  integer,
  isoTime,
  optional,
  plainPart,
  plainText,
  type Read,
  record,
  serverId,
} from '#core/contract/fields.ts'
import { memberId, serviceId, uuid } from '#core/contract/read-content.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import {
  CATALOGUE_DOCUMENT,
  CATALOGUE_LIMITS,
  type CatalogueAccess,
  type CatalogueList,
  type CatalogueQuery,
  type CatalogueService,
  type CatalogueServiceQuery,
  type DescribedService,
  type ListedService,
} from '#schemas/catalogue.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import type { DocumentHead } from '#schemas/management-request.ts'
import { say } from '#schemas/said.ts'
import type { SignDocument } from '../../configuration/signing-keys/sign-document.ts'
import { approvedNow, type DocumentRooms } from '../../documents/approved-now.ts'
import { asInput } from '../../documents/as-input.ts'
import { ofOwner, verified } from '../../documents/verify-document.ts'
import type { AudienceStore } from './audience-store.ts'
import type { Access, Endpoint } from './read-answers.ts'

type AnswerRooms = DocumentRooms & {
  audiences: AudienceStore
  signDocument: SignDocument
  count(outcome: string): void
}
type Row = NonNullable<Awaited<ReturnType<AudienceStore['service']>>>

const head = { id: uuid, createdAt: isoTime, signer: memberId, server: serverId }
const query = record<CatalogueQuery>({
  ...head,
  // The bound is in characters, each of one or two units.
  q: optional(plainText(2 * CATALOGUE_LIMITS.search)),
  offset: integer(0, CATALOGUE_LIMITS.offset),
  limit: integer(1, CATALOGUE_LIMITS.page),
})
const serviceQuery = record<CatalogueServiceQuery>({ ...head, service: serviceId })

export function catalogueAnswers(rooms: AnswerRooms): Record<string, OperationHandler> {
  const { audiences, clock } = rooms

  /** Verifies a question, and returns what `answer` makes of it with its head, signed. */
  function answering<Q extends DocumentHead & { server: string }>(
    form: { type: string; read: Read<Q>; answered: string },
    answer: (asked: Q) => Promise<object>,
  ): OperationHandler {
    return async ({ body }) => {
      try {
        if (!Buffer.isBuffer(body))
          throw new Fault('malformed_json', { what: say`a signed document is needed` })
        const configuration = await approvedNow(rooms)
        const now = clock()
        const asked = asInput(() => ofOwner(verified(body, form.type, form.read, { configuration, now })))
        await audiences.take(asked, now)
        const answered = {
          ...{ instance: configuration.instance, server: asked.server, answers: asked.id },
          generatedAt: new Date(clock()).toISOString(),
          ...(await answer(asked)),
        }
        const signed = Buffer.from(await rooms.signDocument(answered, form.answered))
        rooms.count('ok')
        return signed
      } catch (thrown) {
        rooms.count(asFault(thrown).code)
        throw thrown
      }
    }
  }

  const { query: type, list, serviceQuery: serviceType, service } = CATALOGUE_DOCUMENT
  return {
    listCatalogue: answering({ type, read: query, answered: list }, async ({ server, q, offset, limit }) => {
      const { rows, total } = await audiences.list(server, { ...(q !== undefined && { q }), offset, limit })
      return { total, services: rows.map(listed) } satisfies Partial<CatalogueList>
    }),
    describeCatalogueService: answering(
      { type: serviceType, read: serviceQuery, answered: service },
      async ({ server, service: id }) => {
        const row = await audiences.service(server, id)
        return (row === undefined ? {} : { found: described(row) }) satisfies Partial<CatalogueService>
      },
    ),
  }
}

function listed(row: Row): ListedService {
  return {
    service: row.id,
    memberName: plainPart(row.member_name, 255),
    providerName: plainPart(row.subsystem_name, 255),
    ...{ type: row.type, title: row.title, version: row.version, lastSeen: row.last_seen },
  }
}

function described(row: Row): DescribedService {
  const endpoints = JSON.parse(row.endpoints) as Endpoint[]
  return {
    ...listed(row),
    ...{ description: row.description, changedAt: row.changed_at },
    endpoints: endpoints.slice(0, CATALOGUE_LIMITS.endpoints).map(({ method, path }) => ({ method, path })),
    endpointCount: endpoints.length,
    access: accessOf(JSON.parse(row.access) as Access),
  }
}

/** Of codes nothing else was ever checked: providers may have written anything there. */
function accessOf(access: Access): CatalogueAccess {
  if (access === 'everybody') return access
  const { memberClasses, globalGroups } =
    access === 'nobody' ? { memberClasses: [], globalGroups: [] } : access
  const shown = (codes: string[]): string[] =>
    codes.map((one) => plainPart(one, 255)).filter((one) => one !== '')
  return { memberClasses: shown(memberClasses), globalGroups: shown(globalGroups) }
}
