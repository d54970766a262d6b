/**
 * Access rights from both ends: who can be given one, who has some at a client's services, and what one of
 * them may call.
 */
import { answer } from '#platform/http-service/answer.ts'
import type { Handlers } from '#platform/http-service/openapi.ts'
import { clientIdOf, colonForm } from '#schemas/colon-identifiers.ts'
import { idText } from '#schemas/identifiers.ts'
import type { Said } from '#schemas/said.ts'
import type { SubjectType } from '../../local-systems/access.ts'
import { clientIn } from '../../local-systems/manage.ts'
import type { ClientView } from '../../local-systems/view.ts'
import type { Needs } from './needs.ts'
import { createSubjectDirectory, type Subject, type SubjectPage } from './subject-directory.ts'
import { viewsWith } from './views.ts'

type Part = Required<Pick<Asked, 'q' | 'offset' | 'limit'>>
type Asked = { q?: string; subjectType?: SubjectType; offset: number; limit: number }

export function rightHandlers(rooms: Needs): Handlers {
  const { localSystems } = rooms
  const show = viewsWith(rooms)
  const directory = createSubjectDirectory(rooms)
  const found = (params: Record<string, string>): ClientView =>
    clientIn(localSystems.view(), clientIdOf(params['clientId']))

  return {
    async findServiceClientCandidates({ params, query }) {
      const { q = '', subjectType, offset, limit } = query as Asked
      const { groups, subsystems } = directory()
      const isAsked = (type: SubjectType): boolean => subjectType === undefined || subjectType === type
      const parts = [
        isAsked('LOCALGROUP') && ((asked: Part) => pageIn(localGroups(found(params)), asked)),
        isAsked('GLOBALGROUP') && groups,
        isAsked('SUBSYSTEM') && subsystems,
      ]
      const page: SubjectPage = { total: 0, rows: [] }
      // The later ones begin where the page has not ended before.
      for (const part of parts.filter((one) => one !== false)) {
        const rest = { q, offset: Math.max(0, offset - page.total), limit: limit - page.rows.length }
        const { total, rows } = part(rest)
        page.total += total
        page.rows.push(...rows)
      }
      return shown(page)
    },
    async getServiceClients({ params, query }) {
      const client = found(params)
      const keyOf = (one: { subjectType: SubjectType; subjectId: string }) =>
        `${one.subjectType} ${one.subjectId}`
      const groupNames = new Map(localGroups(client).map((one) => [one.subjectId, one.name]))
      const { nameOf } = directory()
      const nameIn = (one: Pick<Subject, 'subjectType' | 'subjectId'>): string =>
        (one.subjectType === 'LOCALGROUP' ? groupNames.get(one.subjectId) : nameOf(one)) ?? ''
      const counts = new Map<string, Subject & { rights: number; warning?: Said | undefined }>()
      for (const one of rightsOf(client, show)) {
        const { subjectType, subjectId, warning } = one
        const key = keyOf(one)
        const known = counts.get(key)
        if (known === undefined)
          counts.set(key, { subjectType, subjectId, name: nameIn(one), rights: 1, warning })
        else known.rights += 1
      }
      return pageOf([...counts.values()].sort(byId), query as Asked)
    },
    async getServiceClientAccessRights({ params, query }) {
      const { subjectType, subjectId } = query as Pick<Subject, 'subjectType' | 'subjectId'>
      const own = rightsOf(found(params), show).filter(
        (one) => one.subjectType === subjectType && one.subjectId === subjectId,
      )
      return pageOf(own, query as Asked)
    },
  }
}

function rightsOf(client: ClientView, show: ReturnType<typeof viewsWith>) {
  return client.descriptions.flatMap(({ services }) =>
    services.flatMap((view) =>
      show.accessRights(view).map((right) => ({
        ...right,
        serviceId: view.key,
        fullServiceId: colonForm(idText(view.service.id)),
      })),
    ),
  )
}

/** The client's own groups. */
function localGroups(client: ClientView): Subject[] {
  const groups = client.groups.map(
    ({ code, description }): Subject => ({
      ...{ subjectType: 'LOCALGROUP', subjectId: code, name: description },
    }),
  )
  return groups.sort(byId)
}

function byId(one: Subject, other: Subject): number {
  return one.subjectId < other.subjectId ? -1 : 1
}

function pageOf<T extends { subjectType: SubjectType; subjectId: string; name?: string }>(
  all: T[],
  { q = '', subjectType, offset, limit }: Asked,
) {
  const ofType = all.filter((one) => subjectType === undefined || one.subjectType === subjectType)
  return shown(pageIn(ofType, { q, offset, limit }))
}

function pageIn<T extends { subjectId: string; name?: string }>(all: T[], { q, offset, limit }: Part) {
  const wanted = q.toLowerCase()
  const fitting = all.filter((one) => `${one.subjectId} ${one.name ?? ''}`.toLowerCase().includes(wanted))
  return { total: fitting.length, rows: fitting.slice(offset, offset + limit) }
}

function shown<Row>({ total, rows }: { total: number; rows: Row[] }) {
  return answer(rows, { headers: { 'x-total-count': String(total) } })
}
