/** Access rights from both ends: who can be given one, who has some at a client's services, and what one of them may call. */
import { answer } from '#platform/http-service/answer.ts'
import type { Handlers } from '#platform/http-service/openapi.ts'
import { clientIdOf, colonForm } from '#schemas/colon-identifiers.ts'
import { idText } from '#schemas/identifiers.ts'
import { inForce } from '../../global-configuration/snapshot.ts'
import type { SubjectType } from '../../local-systems/access.ts'
import { clientIn } from '../../local-systems/manage.ts'
import type { ClientView } from '../../local-systems/view.ts'
import type { Needs } from './needs.ts'
import { viewsWith } from './views.ts'

type Subject = { subjectType: SubjectType; subjectId: string; name: string }
type Asked = { q?: string; subjectType?: SubjectType; offset: number; limit: number }

export function rightHandlers(rooms: Needs): Handlers {
  const { localSystems } = rooms
  const show = viewsWith(rooms)
  const found = (params: Record<string, string>): ClientView =>
    clientIn(localSystems.view(), clientIdOf(params['clientId']))

  return {
    async findServiceClientCandidates({ params, query }) {
      return pageOf(candidates(found(params), rooms), query as Asked)
    },
    async getServiceClients({ params, query }) {
      const client = found(params)
      const keyOf = (one: { subjectType: SubjectType; subjectId: string }) =>
        `${one.subjectType} ${one.subjectId}`
      const names = new Map(candidates(client, rooms).map((one) => [keyOf(one), one.name]))
      const counts = new Map<string, Subject & { rights: number; warning?: string | undefined }>()
      for (const one of rightsOf(client, show)) {
        const { subjectType, subjectId, warning } = one
        const key = keyOf(one)
        const before = counts.get(key)?.rights ?? 0
        counts.set(key, { subjectType, subjectId, name: names.get(key) ?? '', rights: before + 1, warning })
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

/** The subsystems and global groups of the configuration in force, and the client's own groups. */
function candidates(client: ClientView, { globalConfiguration, server }: Needs): Subject[] {
  const indexes = [...(inForce(globalConfiguration)?.indexes() ?? [])]
  const subsystems = indexes.flatMap(({ shared }) =>
    shared.members.flatMap(({ name, subsystems: own }) =>
      own.map((one): Subject => {
        const subjectId = colonForm(idText(one.id))
        return { subjectType: 'SUBSYSTEM', subjectId, name: one.name ?? name }
      }),
    ),
  )
  const groups = indexes
    .filter(({ shared }) => shared.instance === server.instance)
    .flatMap(({ shared }) => shared.globalGroups)
    .map(
      ({ groupCode, description }): Subject => ({
        subjectType: 'GLOBALGROUP',
        ...{ subjectId: groupCode, name: description },
      }),
    )
  const local = client.groups.map(
    ({ code, description }): Subject => ({
      subjectType: 'LOCALGROUP',
      ...{ subjectId: code, name: description },
    }),
  )
  return [...local.sort(byId), ...groups.sort(byId), ...subsystems.sort(byId)]
}

function byId(one: Subject, other: Subject): number {
  return one.subjectId < other.subjectId ? -1 : 1
}

function pageOf<T extends { subjectType: SubjectType; subjectId: string; name?: string }>(
  all: T[],
  { q = '', subjectType, offset, limit }: Asked,
) {
  const wanted = q.toLowerCase()
  const fitting = all.filter(
    (one) =>
      (subjectType === undefined || one.subjectType === subjectType) &&
      `${one.subjectId} ${one.name ?? ''}`.toLowerCase().includes(wanted),
  )
  return answer(fitting.slice(offset, offset + limit), {
    headers: { 'x-total-count': String(fitting.length) },
  })
}
