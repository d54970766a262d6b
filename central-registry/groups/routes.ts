/** Handlers of the operations on global groups. */

import { listAnswer } from '#platform/http-service/list-answer.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import { checkCode, checkNewCode } from '#schemas/identifiers.ts'
import type { Page } from '../changes/store.ts'
import { instanceOf } from '../members/instance.ts'
import { checkName, clientOf, encodedId } from '../members/rules.ts'
import type { MemberStore } from '../members/store.ts'
import { isKeptByRegistry } from './rules.ts'
import type { GroupStore } from './store.ts'

export function groupHandlers(q: {
  store: GroupStore
  members: MemberStore
}): Record<string, OperationHandler> {
  const { store, members } = q
  return {
    getGlobalGroups: async ({ query }) => {
      const groups = await store.groups(query as Page)
      const memberships = await store.membersOf(groups.map(({ code }) => code))
      const described = groups.map(({ code, description }) => ({
        code,
        description,
        keptByRegistry: isKeptByRegistry(code),
        members: memberships.filter((one) => one.group_code === code).map((one) => encodedId(one.client)),
      }))
      return listAnswer(described, query as Page, () => store.countGroups(query as Page))
    },
    getGlobalGroup: async ({ params }) => {
      const group = await store.group(checkCode(params['code']!))
      const members = await store.countGroupMembers(group.code, {})
      return { ...group, keptByRegistry: isKeptByRegistry(group.code), members }
    },
    getGlobalGroupMembers: async ({ params, query }) => {
      const { code } = await store.group(checkCode(params['code']!))
      const found = await store.groupMembers(code, query as Page)
      const described = found.map(({ client, name }) => ({ id: encodedId(client), name }))
      return listAnswer(described, query as Page, () => store.countGroupMembers(code, query as Page))
    },
    addGlobalGroup: async ({ body }) => {
      const { code, description } = body as { code: string; description: string }
      await store.addGroup(checkNewCode(code), checkName(description))
      return { code, description, members: [] }
    },
    describeGlobalGroup: async ({ params, body }) => {
      const [code, { description }] = [checkCode(params['code']!), body as { description: string }]
      await store.describeGroup(code, checkName(description))
      return { code, description }
    },
    deleteGlobalGroup: ({ params }) => store.deleteGroup(checkCode(params['code']!)),
    addGlobalGroupMember: async ({ params, body }) => {
      const { client } = body as { client: string }
      await store.addGroupMember(checkCode(params['code']!), clientOf(client, await instanceOf(members)))
    },
    deleteGlobalGroupMember: async ({ params }) => {
      const client = clientOf(params['client']!, await instanceOf(members))
      await store.deleteGroupMember(checkCode(params['code']!), client)
    },
  }
}
