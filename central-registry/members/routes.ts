/** Handlers of the operations on the system, member classes, members and subsystems. */
import type { Clock } from '#platform/clock.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import { checkCode } from '#schemas/identifiers.ts'
import type { Page } from '../store.ts'
import { instanceOf } from './instance.ts'
import { checkName, checkNewCode, clientOf, encodedId, memberIdOf, subsystemIdOf } from './rules.ts'
import { MANAGEMENT_SERVICE_PROVIDER, type MemberStore } from './store.ts'

export function memberHandlers(q: {
  store: MemberStore
  clock: Clock
  /** Whether what trust hangs on takes two persons now. */
  fourEyes(): Promise<boolean>
}): Record<string, OperationHandler> {
  const { store } = q
  const now = (): string => new Date(q.clock()).toISOString()

  return {
    getSystem: async () => {
      const { [MANAGEMENT_SERVICE_PROVIDER]: provider, ...parameters } = await store.parameters()
      return {
        initialized: parameters['instance'] !== undefined,
        fourEyes: await q.fourEyes(),
        ...parameters,
        ...(provider === undefined ? {} : { [MANAGEMENT_SERVICE_PROVIDER]: encodedId(provider) }),
      }
    },
    initializeSystem: async ({ body }) => {
      const { instance } = body as { instance: string }
      await store.setOnce('instance', checkNewCode(instance))
      return { instance }
    },
    setManagementServiceProvider: async ({ body }) => {
      const { client } = body as { client: string }
      await store.setManagementServiceProvider(clientOf(client, await instanceOf(store)))
    },
    getMemberClasses: () => store.classes(),
    addMemberClass: async ({ body }) => {
      const { code, description } = body as { code: string; description: string }
      await store.addClass(checkNewCode(code), checkName(description))
      return { code, description }
    },
    deleteMemberClass: ({ params }) => store.deleteClass(checkCode(params['code']!)),
    getMembers: async ({ query }) => (await store.members(query as Page)).map(describe),
    addMember: async ({ body }) => {
      const given = body as { memberClass: string; memberCode: string; name: string }
      const id = {
        instance: await instanceOf(store),
        memberClass: checkCode(given.memberClass),
        memberCode: checkNewCode(given.memberCode),
      }
      await store.addMember(id, checkName(given.name), now())
      return { id: [id.instance, id.memberClass, id.memberCode].join(':'), name: given.name }
    },
    renameMember: async ({ params, body }) => {
      const { name } = body as { name: string }
      await store.renameMember(memberIdOf(params['id']!, await instanceOf(store)), checkName(name))
      return { id: params['id'], name }
    },
    deleteMember: async ({ params }) =>
      store.deleteMember(memberIdOf(params['id']!, await instanceOf(store))),
    getSubsystems: async ({ params, query }) => {
      const member = memberIdOf(params['id']!, await instanceOf(store))
      return (await store.subsystems(member, query as Page)).map(describe)
    },
    addSubsystem: async ({ params, body }) => {
      const { subsystemCode, name } = body as { subsystemCode: string; name?: string }
      const member = memberIdOf(params['id']!, await instanceOf(store))
      const id = { ...member, subsystemCode: checkNewCode(subsystemCode) }
      await store.addSubsystem(id, name === undefined ? '' : checkName(name), now())
      return { id: `${params['id']}:${subsystemCode}`, name: name ?? '' }
    },
    deleteSubsystem: async ({ params }) =>
      store.deleteSubsystem(subsystemIdOf(params['id']!, await instanceOf(store))),
  }
}

function describe(row: { id: string; name: string; created_at: string }): object {
  return { id: encodedId(row.id), name: row.name, createdAt: row.created_at }
}
