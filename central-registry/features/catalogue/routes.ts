/**
 * Handlers of the operations on the catalogue: services, their documents as files, and draft terms of a
 * contract for access.
 */
import type { Clock } from '#platform/clock.ts'
import { answer } from '#platform/http-service/answer.ts'
import { listAnswer } from '#platform/http-service/list-answer.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import { Fault } from '#schemas/fault.ts'
import { checkCode, idText, parseServiceId } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import type { Page } from '../../changes/store.ts'
import { instanceOf } from '../../members/instance.ts'
import { encodedId, subsystemIdOf } from '../../members/rules.ts'
import type { MemberStore } from '../../members/store.ts'
import type { Access, Contact, Endpoint } from './read-answers.ts'
import { type AccessRequest, checkMayRequest, draftOf } from './rules.ts'
import type { CatalogueFilter, CatalogueStore } from './store.ts'
import type { CatalogueServiceRow } from './tables.ts'

type Rooms = {
  store: CatalogueStore
  members: Pick<MemberStore, 'parameters'>
  /** Undefined when no security server is configured to ask through. */
  collect: ((signal: AbortSignal) => Promise<void>) | undefined
  clock: Clock
}

/** How long a request waits for the collection, which may take longer. */
const COLLECT_MS = 15_000

export function catalogueHandlers(rooms: Rooms): Record<string, OperationHandler> {
  const { store, members, clock } = rooms
  const serviceOf = async (encoded: string): Promise<string> => {
    const parts = encoded.split(':').map(checkCode)
    const [instance, memberClass, memberCode, subsystemCode, serviceCode, serviceVersion] = parts as [
      ...[string, string, string, string, string, string?],
    ]
    if (parts.length < 5 || parts.length > 6 || instance !== (await instanceOf(members)))
      throw new Fault('invalid_input', {
        what: say`a service id is INSTANCE:CLASS:CODE:SUBSYSTEM:SERVICE[:VERSION]`,
      })
    return idText({ instance, memberClass, memberCode, subsystemCode, serviceCode, serviceVersion })
  }
  const subsystemOf = async (encoded: string): Promise<string> =>
    idText(subsystemIdOf(encoded, await instanceOf(members)))

  return {
    getCatalogue: async ({ query }) => {
      const { provider, ...more } = query as Page & CatalogueFilter
      const asked = { ...more, ...(provider === undefined ? {} : { provider: await subsystemOf(provider) }) }
      const rows = await store.list(asked)
      return listAnswer(rows.map(summary), asked, () => store.count(asked))
    },
    getCatalogueService: async ({ params }) => {
      const { row, owner, asking, changes, hasOlderChanges } = await store.service(
        await serviceOf(params['id']!),
      )
      return {
        ...summary(row),
        description: row.description,
        endpoints: JSON.parse(row.endpoints) as Endpoint[],
        contact: JSON.parse(row.contact) as Contact,
        providerName: owner?.subsystem_name ?? null,
        member: owner === undefined ? null : encodedId(owner.member),
        memberName: owner?.member_name ?? null,
        askedAt: asking?.asked_at ?? null,
        answeredAt: asking?.answered_at ?? null,
        failure: asking?.failure ?? null,
        changes,
        hasOlderChanges,
      }
    },
    getCatalogueDocument: async ({ params }) => {
      const { type, sha256, content } = await store.document(await serviceOf(params['id']!))
      // Strangers wrote this, so a browser must save it as a file and display nothing of it.
      return answer(content, {
        headers: {
          'content-disposition': `attachment; filename="${type.toLowerCase()}-${sha256.slice(0, 16)}.txt"`,
          'x-content-type-options': 'nosniff',
          'x-sha256': sha256,
        },
      })
    },
    draftContractTerms: async ({ params, body }) => {
      const { row } = await store.service(await serviceOf(params['id']!))
      if (row.status === 'withdrawn')
        throw new Fault('contract_not_possible', { what: say`the service is not offered any more` })
      const given = body as AccessRequest
      const client = await subsystemOf(given.client)
      checkMayRequest(JSON.parse(row.access) as Access, client, await store.groupsOf(client))
      const validUntil = given.validUntil === undefined ? {} : { validUntil: timeOf(given.validUntil) }
      return draftOf(row, { ...given, ...validUntil, client }, clock())
    },
    collectCatalogue: async () => {
      if (rooms.collect === undefined)
        throw new Fault('conflict', {
          what: say`the settings have no \`catalogue.securityServer\`: name it and start again (docs/catalogue.md)`,
        })
      await store.askAll(new Date(clock()).toISOString())
      // The job collects the rest.
      await rooms.collect(AbortSignal.timeout(COLLECT_MS))
    },
  }
}

function summary(row: CatalogueServiceRow) {
  const { serviceCode, serviceVersion, memberClass } = parseServiceId(row.id)
  const version = serviceVersion === undefined ? '' : `:${serviceVersion}`
  return {
    id: `${encodedId(row.provider)}:${serviceCode}${version}`,
    provider: encodedId(row.provider),
    memberClass,
    serviceCode: row.service_code,
    serviceVersion: serviceVersion ?? null,
    type: row.type,
    title: row.title,
    version: row.version,
    status: row.status,
    access: JSON.parse(row.access) as Access,
    documentSha256: row.document,
    firstSeen: row.first_seen,
    lastSeen: row.last_seen,
    changedAt: row.changed_at,
  }
}

function timeOf(text: string): string {
  const time = new Date(text)
  // RFC 3339 allows leap seconds, Date does not.
  if (Number.isNaN(time.getTime())) throw new Fault('invalid_input', { what: say`validUntil is not a time` })
  return time.toISOString()
}
