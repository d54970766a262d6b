/** Handlers of the operations on the system, member classes, members and subsystems. */
import type { Clock } from '#platform/clock.ts'
import { listAnswer } from '#platform/http-service/list-answer.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import { checkCode, checkNewCode } from '#schemas/identifiers.ts'
import type { Page } from '../changes/store.ts'
import { instanceOf } from './instance.ts'
import type { RelationStore } from './relations-store.ts'
import { checkName, clientOf, encodedId, encodedServer, memberIdOf, subsystemIdOf } from './rules.ts'
import { type Filter, MANAGEMENT_SERVICE_PROVIDER, type MemberStore, MONITORING_CLIENT } from './store.ts'

type Rooms = {
  store: MemberStore
  relations: RelationStore
  clock: Clock
  /** Whether changes of trust need two persons now. */
  fourEyes(): Promise<boolean>
}

/** Those that the system has; before it is initialised, none. */
type ShownParameters = {
  instance?: string
  [MANAGEMENT_SERVICE_PROVIDER]?: string
  [MONITORING_CLIENT]?: string
}

export function memberHandlers(q: Rooms): Record<string, OperationHandler> {
  const { store, relations } = q
  const now = (): string => new Date(q.clock()).toISOString()

  return {
    getSystem: async () => {
      const {
        [MANAGEMENT_SERVICE_PROVIDER]: provider,
        [MONITORING_CLIENT]: monitoring,
        ...parameters
      } = (await store.parameters()) as ShownParameters
      return {
        initialized: parameters['instance'] !== undefined,
        fourEyes: await q.fourEyes(),
        ...parameters,
        ...(provider === undefined ? {} : { [MANAGEMENT_SERVICE_PROVIDER]: encodedId(provider) }),
        ...(monitoring === undefined ? {} : { [MONITORING_CLIENT]: encodedId(monitoring) }),
      }
    },
    initializeSystem: async ({ body }) => {
      const { instance } = body as { instance: string }
      await store.setOnce('instance', checkNewCode(instance))
      return { instance }
    },
    setManagementServiceProvider: async ({ body }) => {
      const { client } = body as { client: string }
      await store.nameClient(MANAGEMENT_SERVICE_PROVIDER, clientOf(client, await instanceOf(store)))
    },
    setMonitoringClient: async ({ body }) => {
      const { client } = body as { client: string }
      await store.nameClient(MONITORING_CLIENT, clientOf(client, await instanceOf(store)))
    },
    removeMonitoringClient: () => store.removeMonitoringClient(),
    getMemberClasses: async ({ query }) => {
      const page = query as Page
      return listAnswer(await store.classes(page), page, () => store.countClasses(page))
    },
    addMemberClass: async ({ body }) => {
      const { code, description } = body as { code: string; description: string }
      await store.addClass(checkNewCode(code), checkName(description))
      return { code, description }
    },
    describeMemberClass: async ({ params, body }) => {
      const [code, { description }] = [checkCode(params['code']!), body as { description: string }]
      await store.describeClass(code, checkName(description))
      return { code, description }
    },
    deleteMemberClass: ({ params }) => store.deleteClass(checkCode(params['code']!)),
    getMembers: async ({ query }) =>
      listAnswer((await store.members(query as Page & Filter)).map(describe), query as Page, () =>
        store.countMembers(query as Filter),
      ),
    getMember: async ({ params }) => {
      const id = memberIdOf(params['id']!, await instanceOf(store))
      const { succeeds, succeededBy } = await relations.successionsOf(id)
      return {
        ...describe(await store.member(id)),
        succeeds: succeeds.map(encodedId),
        succeededBy: succeededBy.map(encodedId),
        subsystems: await store.countSubsystemsOf(id, {}),
        ownedServers: (await relations.ownedServers(id)).map(encodedServer),
        registeredAt: (await relations.registeredAt(id)).map(encodedServer),
        groups: await relations.groupsOf(id),
      }
    },
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
      store.deleteMember(memberIdOf(params['id']!, await instanceOf(store)), now()),
    getSubsystems: async ({ params, query }) => {
      const member = memberIdOf(params['id']!, await instanceOf(store))
      return listAnswer((await store.subsystems(member, query as Page)).map(describe), query as Page, () =>
        store.countSubsystemsOf(member, query as Filter),
      )
    },
    getAllSubsystems: async ({ query }) =>
      listAnswer(
        (await store.allSubsystems(query as Page & Filter)).map(describeWithMember),
        query as Page,
        () => store.countSubsystems(query as Filter),
      ),
    getSubsystem: async ({ params }) => {
      const id = subsystemIdOf(params['id']!, await instanceOf(store))
      return {
        ...describeWithMember(await store.subsystem(id)),
        registeredAt: (await relations.registeredAt(id)).map(encodedServer),
        groups: await relations.groupsOf(id),
      }
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

type Row = { id: string; name: string; created_at: string }

function describe(row: Row) {
  return { id: encodedId(row.id), name: row.name, createdAt: row.created_at }
}

function describeWithMember(row: Row & { member_name: string }) {
  return { ...describe(row), memberName: row.member_name }
}
