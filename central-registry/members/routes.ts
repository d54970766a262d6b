/** Handlers of the operations on the system, member classes, members, subsystems and global groups. */
import type { Clock } from '#platform/clock.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import { Fault } from '#schemas/fault.ts'
import { type ClientId, checkCode, memberOf, parseClientId, type SubsystemId } from '#schemas/identifiers.ts'
import { checkName, clientOf } from './rules.ts'
import type { MemberStore, Page } from './store.ts'

export type Changed = () => void

/** "A:B:C" for an id in its text form, as paths of this API carry it. */
export function encodedId(text: string): string {
  const id = parseClientId(text)
  return [
    id.instance,
    id.memberClass,
    id.memberCode,
    ...(id.subsystemCode === undefined ? [] : [id.subsystemCode]),
  ].join(':')
}

/** The instance of this registry; throws until the system was initialised. */
export async function instanceOf(store: MemberStore): Promise<string> {
  const instance = await store.parameter('instance')
  if (instance === undefined)
    throw new Fault('conflict', { what: 'the instance is not initialised yet: PUT /system first' })
  return instance
}

export function memberHandlers(q: {
  store: MemberStore
  clock: Clock
  changed: Changed
}): Record<string, OperationHandler> {
  const { store, changed } = q
  const now = (): string => new Date(q.clock()).toISOString()
  const client = async (encoded: string): Promise<ClientId> => clientOf(encoded, await instanceOf(store))

  async function member(encoded: string): Promise<ClientId> {
    const id = await client(encoded)
    if (id.subsystemCode !== undefined)
      throw new Fault('invalid_input', { what: 'a member id has three parts' })
    return id
  }

  async function subsystem(encoded: string): Promise<SubsystemId> {
    const id = await client(encoded)
    if (id.subsystemCode === undefined)
      throw new Fault('invalid_input', { what: 'a subsystem id has four parts' })
    return id as SubsystemId
  }

  return {
    getSystem: async () => ({
      initialized: (await store.parameter('instance')) !== undefined,
      ...(await store.parameters()),
    }),
    initializeSystem: async ({ body }) => {
      const { instance } = body as { instance: string }
      await store.setOnce('instance', checkCode(instance))
      changed()
      return { instance }
    },
    getMemberClasses: () => store.classes(),
    addMemberClass: async ({ body }) => {
      const { code, description } = body as { code: string; description: string }
      await store.addClass(checkCode(code), checkName(description))
      changed()
      return { code, description }
    },
    deleteMemberClass: async ({ params }) => {
      await store.deleteClass(params['code']!)
      changed()
    },
    getMembers: async ({ query }) => {
      const members = await store.members(query as Page)
      return members.map(({ id, name, created_at }) => ({ id: encodedId(id), name, createdAt: created_at }))
    },
    addMember: async ({ body }) => {
      const { memberClass, memberCode, name } = body as {
        memberClass: string
        memberCode: string
        name: string
      }
      const id = {
        instance: await instanceOf(store),
        memberClass: checkCode(memberClass),
        memberCode: checkCode(memberCode),
      }
      await store.addMember(id, checkName(name), now())
      changed()
      return { id: [id.instance, memberClass, memberCode].join(':'), name }
    },
    renameMember: async ({ params, body }) => {
      const { name } = body as { name: string }
      await store.renameMember(memberOf(await member(params['id']!)), checkName(name))
      changed()
      return { id: params['id'], name }
    },
    deleteMember: async ({ params }) => {
      await store.deleteMember(memberOf(await member(params['id']!)))
      changed()
    },
    getSubsystems: async ({ params }) => {
      const found = await store.subsystems(memberOf(await member(params['id']!)))
      return found.map(({ id, name, created_at }) => ({ id: encodedId(id), name, createdAt: created_at }))
    },
    addSubsystem: async ({ params, body }) => {
      const { subsystemCode, name } = body as { subsystemCode: string; name?: string }
      const id = { ...memberOf(await member(params['id']!)), subsystemCode: checkCode(subsystemCode) }
      await store.addSubsystem(id, name === undefined ? '' : checkName(name), now())
      changed()
      return { id: `${params['id']}:${subsystemCode}`, name: name ?? '' }
    },
    deleteSubsystem: async ({ params }) => {
      await store.deleteSubsystem(await subsystem(params['id']!))
      changed()
    },
    getGlobalGroups: async () => {
      const members = await store.groupMembers()
      return (await store.groups()).map(({ code, description }) => ({
        code,
        description,
        members: members.filter((one) => one.group_code === code).map((one) => encodedId(one.client)),
      }))
    },
    addGlobalGroup: async ({ body }) => {
      const { code, description } = body as { code: string; description: string }
      await store.addGroup(checkCode(code), checkName(description))
      changed()
      return { code, description, members: [] }
    },
    addGlobalGroupMember: async ({ params, body }) => {
      const id = await client((body as { client: string }).client)
      if (!(await store.clientExists(id))) throw new Fault('not_found', { what: 'this member or subsystem' })
      await store.addGroupMember(params['code']!, id)
      changed()
    },
    deleteGlobalGroupMember: async ({ params }) => {
      await store.deleteGroupMember(params['code']!, await client(params['client']!))
      changed()
    },
  }
}
