/**
 * Who has rights, under X-Road's ids: a global group's has the instance before it, a local group's is its
 * number.
 */
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import { clientIdOf, colonForm } from '#schemas/colon-identifiers.ts'
import { Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import { inForce } from '../../global-configuration/snapshot.ts'
import type { Fields } from './fields.ts'
import type { Needs } from './needs.ts'

export type Subject = { subjectType: string; subjectId: string }

export function same(one: Subject, other: Subject): boolean {
  return one.subjectType === other.subjectType && one.subjectId === other.subjectId
}

/**
 * Kept with its configuration, whose groups are all built anew, with their members, when one is asked for.
 */
const NAMES = new WeakMap<ConfigurationIndex, Map<string, string>>()

function globalGroupNames(index: ConfigurationIndex): Map<string, string> {
  const known = NAMES.get(index)
  if (known !== undefined) return known
  const names = new Map(index.shared.globalGroups.map((one) => [one.groupCode, one.description]))
  NAMES.set(index, names)
  return names
}

/**
 * Converts between X-Road's service clients and our subjects. Local groups are those of the client with this
 * id.
 */
export function subjectsOf(rooms: Pick<Needs, 'server' | 'localSystems' | 'globalConfiguration'>) {
  const groupsOf = (clientId: string) =>
    rooms.localSystems.view().clients.get(idText(clientIdOf(clientId)))?.groups ?? []
  const { instance } = rooms.server

  function nameOf(clientId: string, { subjectType, subjectId }: Subject): string {
    const index = inForce(rooms.globalConfiguration)?.index
    if (subjectType === 'LOCALGROUP')
      return groupsOf(clientId).find(({ code }) => code === subjectId)?.description ?? ''
    if (subjectType === 'GLOBALGROUP')
      return index === undefined ? '' : (globalGroupNames(index).get(subjectId) ?? '')
    return index?.memberName(clientIdOf(subjectId)) ?? ''
  }

  return {
    /** X-Road's id and name of a subject. */
    view(clientId: string, subject: Subject & { name?: string; createdAt?: string }): object {
      const { subjectType, subjectId, createdAt } = subject
      const isLocal = subjectType === 'LOCALGROUP'
      const group = isLocal ? groupsOf(clientId).find(({ code }) => code === subjectId) : undefined
      return {
        id: isLocal
          ? String(group?.id ?? '')
          : subjectType === 'GLOBALGROUP'
            ? `${instance}:${subjectId}`
            : subjectId,
        name: subject.name ?? nameOf(clientId, subject),
        ...(isLocal ? { local_group_code: subjectId } : {}),
        service_client_type: subjectType,
        ...(createdAt === undefined ? {} : { rights_given_at: createdAt }),
      }
    },
    /**
     * The subject of one of X-Road's items. Throws `not_found` for a local group that the client has not, and
     * `invalid_input`.
     */
    read(clientId: string, item: Fields): Subject {
      return this.parse(clientId, item.text('id'), item.textOr('service_client_type', undefined))
    },
    parse(clientId: string, id: string, type: string | undefined): Subject {
      const codes = id.split(':').length
      const subjectType = type ?? (codes === 4 ? 'SUBSYSTEM' : codes === 2 ? 'GLOBALGROUP' : 'LOCALGROUP')
      if (subjectType === 'SUBSYSTEM') return { subjectType, subjectId: colonForm(idText(clientIdOf(id))) }
      if (subjectType === 'GLOBALGROUP')
        return { subjectType, subjectId: id.startsWith(`${instance}:`) ? id.slice(instance.length + 1) : id }
      const group = groupsOf(clientId).find((one) => String(one.id) === id)
      if (group === undefined)
        throw new Fault('not_found', { what: `no local group ${id.slice(0, 50)} of this client` })
      return { subjectType, subjectId: group.code }
    },
  }
}
