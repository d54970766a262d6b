/** Handlers of the operations on people. */
import type { ApiKeys } from '#platform/api-keys/create-api-keys.ts'
import type { Clock } from '#platform/clock.ts'
import type { Page } from '#platform/database/lists.ts'
import { listAnswer } from '#platform/http-service/list-answer.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import { checkInvitation, checkNotOwn } from './rules.ts'
import { makersOf } from './second-person.ts'
import type { PeopleStore } from './store.ts'

export function peopleHandlers(q: {
  store: PeopleStore
  apiKeys: Pick<ApiKeys, 'find'>
  clock: Clock
}): Record<string, OperationHandler> {
  const { store, apiKeys } = q
  const now = (): string => new Date(q.clock()).toISOString()
  return {
    getPeople: async ({ query }) => {
      const page = query as Page
      return listAnswer(await store.list(page), page, () => store.count(page))
    },
    invitePerson: async ({ body }) => {
      const invitation = checkInvitation(body as { email?: string; subject?: string; roles: string[] })
      return store.invite(invitation, now())
    },
    changePersonRoles: async ({ params, body, caller, approver }) => {
      const id = params['id']!
      checkNotOwn(id, [caller.id, approver?.id, ...(await makersOf(caller.id, apiKeys))])
      return store.setRoles(id, (body as { roles: string[] }).roles)
    },
    lockPerson: ({ params }) => store.act(params['id']!, 'lock', now()),
    unlockPerson: ({ params }) => store.act(params['id']!, 'unlock', now()),
    removePerson: ({ params }) => store.act(params['id']!, 'remove', now()),
  }
}
