/** The operations that change access rights and local groups. */
import { Fault } from '#schemas/fault.ts'
import {
  type ClientId,
  checkCode,
  checkNewCode,
  idText,
  parseSubsystemId,
  subsystemOf,
} from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import type { SubjectType } from './access.ts'
import * as store from './access-rights/store.ts'
import { clientIn, groupIn, type Manage, serviceIn, serviceOfEndpoint, timeOf } from './manage.ts'

type Subject = {
  type: SubjectType
  /** The text form of a subsystem's id, or a group's code. */
  id: string
}

export type ManageAccess = {
  /**
   * Grants the whole service (method *, path **). Returns the right's id; throws `conflict` when it was
   * granted already.
   */
  grantService(service: number, subject: Subject): Promise<number>
  grantEndpoint(endpoint: number, subject: Subject): Promise<number>
  revoke(service: number, right: number): Promise<void>
  addLocalGroup(client: ClientId, code: string, description: string): Promise<number>
  describeLocalGroup(group: number, description: string): Promise<void>
  /** Also deletes the rights of the group. */
  deleteLocalGroup(group: number): Promise<void>
  addLocalGroupMembers(group: number, members: ClientId[]): Promise<void>
  deleteLocalGroupMembers(group: number, members: ClientId[]): Promise<void>
}

export function manageAccess(manage: Manage): ManageAccess {
  async function grant(endpoint: number, subject: Subject): Promise<number> {
    const { service } = serviceOfEndpoint(manage.view(), endpoint)
    if (subject.type === 'SUBSYSTEM') parseSubsystemId(subject.id)
    else checkCode(subject.id)
    const row = {
      endpoint,
      subject_type: subject.type,
      subject: subject.id,
      created_at: timeOf(manage),
    }
    return manage.change(async (transaction) => {
      // Asked here, since another node may have deleted the group: a later one of this code would have the
      // right.
      const client = idText(subsystemOf(service.id))
      if (subject.type === 'LOCALGROUP' && !(await store.isGroup(transaction, { client, code: subject.id })))
        throw new Fault('not_found', { what: say`local group ${subject.id} of this client` })
      return store.insertRight(transaction, row)
    })
  }

  return {
    async grantService(key, subject) {
      const base = serviceIn(manage.view(), key).endpoints.find((each) => each.base)
      return grant(base!.id, subject)
    },
    grantEndpoint: grant,
    async revoke(key, right) {
      const { accessRights } = serviceIn(manage.view(), key)
      if (!accessRights.some((each) => each.id === right)) {
        throw new Fault('not_found', { what: say`access right ${right}` })
      }
      await manage.change((transaction) => store.deleteRight(transaction, right))
    },
    async addLocalGroup(client, code, description) {
      clientIn(manage.view(), client)
      const row = { client: idText(client), code: checkNewCode(code), description }
      return manage.change((transaction) => store.insertGroup(transaction, row))
    },
    async describeLocalGroup(id, description) {
      groupIn(manage.view(), id)
      await manage.change((transaction) => store.updateGroup(transaction, id, description))
    },
    async deleteLocalGroup(id) {
      const { client, code } = groupIn(manage.view(), id)
      await manage.change((transaction) =>
        store.deleteGroup(transaction, { id, code, client: idText(client) }),
      )
    },
    async addLocalGroupMembers(id, members) {
      groupIn(manage.view(), id)
      await manage.change((transaction) =>
        store.insertMembers(
          transaction,
          id,
          members.map((member) => idText(member)),
        ),
      )
    },
    async deleteLocalGroupMembers(id, members) {
      groupIn(manage.view(), id)
      await manage.change((transaction) =>
        store.deleteMembers(
          transaction,
          id,
          members.map((member) => idText(member)),
        ),
      )
    },
  }
}
