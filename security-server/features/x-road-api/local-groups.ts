/** Local groups of a client. */

import { clientIdOf } from '#schemas/colon-identifiers.ts'
import { idText } from '#schemas/identifiers.ts'
import { inForce } from '../../global-configuration/snapshot.ts'
import type { Entry } from './entry.ts'
import { fieldsOf } from './fields.ts'
import type { Needs } from './needs.ts'
import type { OwnGroup } from './own-views.ts'

const OF_CLIENT = '/clients/:id/local-groups'
const GROUP = '/local-groups/:id'

export function localGroupEntries(rooms: Needs): Entry[] {
  const view = viewOf(rooms)
  const codes = { not_found: 'local_group_not_found' }
  return [
    {
      ...{ name: 'getClientLocalGroups', method: 'GET', path: OF_CLIENT, status: 200 },
      through: ['getClientLocalGroups'],
      answer: async ({ params, call }) =>
        (await call<OwnGroup[]>('getClientLocalGroups', { params: { clientId: params['id']! } })).map(view),
    },
    {
      ...{ name: 'addClientLocalGroup', method: 'POST', path: OF_CLIENT, status: 201 },
      through: ['addClientLocalGroup'],
      codes: { conflict: 'local_group_code_already_exists', not_found: 'client_not_found' },
      async answer({ params, body, call }) {
        const given = fieldsOf(body)
        const group = { code: given.text('code'), description: given.text('description') }
        const input = { params: { clientId: params['id']! }, body: group }
        return view(await call<OwnGroup>('addClientLocalGroup', input))
      },
    },
    {
      ...{
        name: 'getLocalGroup',
        method: 'GET',
        path: GROUP,
        status: 200,
        through: ['getLocalGroup'],
        codes,
      },
      answer: async ({ params, call }) => view(await call<OwnGroup>('getLocalGroup', { params })),
    },
    {
      ...{ name: 'updateLocalGroup', method: 'PATCH', path: GROUP, status: 200 },
      ...{ through: ['updateLocalGroup'], codes },
      async answer({ params, body, call }) {
        const input = { params, body: { description: fieldsOf(body).text('description') } }
        return view(await call<OwnGroup>('updateLocalGroup', input))
      },
    },
    {
      ...{ name: 'deleteLocalGroup', method: 'DELETE', path: GROUP, status: 204 },
      ...{ through: ['deleteLocalGroup'], codes },
      answer: async ({ params, call }) => void (await call('deleteLocalGroup', { params })),
    },
    {
      ...{ name: 'addLocalGroupMember', method: 'POST', path: `${GROUP}/members`, status: 201 },
      ...{ through: ['addLocalGroupMembers'], codes },
      async answer({ params, body, call }) {
        const items = fieldsOf(body).texts('items')
        await call('addLocalGroupMembers', { params, body: { items } })
        return { items }
      },
    },
    {
      ...{ name: 'deleteLocalGroupMember', method: 'POST', path: `${GROUP}/members/delete`, status: 204 },
      ...{ through: ['deleteLocalGroupMembers'], codes },
      async answer({ params, body, call }) {
        await call('deleteLocalGroupMembers', { params, body: { items: fieldsOf(body).texts('items') } })
      },
    },
  ]
}

function viewOf({ localSystems, globalConfiguration }: Needs) {
  return ({ id, clientId, code, description, members }: OwnGroup): object => {
    const index = inForce(globalConfiguration)?.index
    // When a member was added is not kept, but it was not before the client.
    const since = localSystems.view().clients.get(idText(clientIdOf(clientId)))?.createdAt
    return {
      ...{ id: String(id), code, description, member_count: members.length, updated_at: since },
      members: members.map((member) => {
        const name = index?.memberName(clientIdOf(member)) ?? ''
        return { id: member, name, member_name: name, created_at: since }
      }),
    }
  }
}
