/** What holds for global groups and who belongs to them; pure. */
import { Fault } from '#schemas/fault.ts'
import { checkUnused } from '../members/rules.ts'

/** Throws `conflict` for somebody who belongs to the group already: a right that is given twice is a mistake somewhere. */
export function checkJoining(q: { group: string; client: string; isMember: boolean }): void {
  if (q.isMember) throw new Fault('conflict', { what: `${q.client} belongs to the global group ${q.group}` })
}

/** Throws `not_found` for somebody who does not belong to the group. */
export function checkLeaving(q: { group: string; client: string; isMember: boolean }): void {
  if (!q.isMember)
    throw new Fault('not_found', { what: `${q.client} does not belong to the global group ${q.group}` })
}

/** Throws `conflict` while somebody belongs to it, or a contract that is proposed or in force is with it. */
export function checkEnd(q: { group: string; members: number; contracts: number }): void {
  checkUnused(`the global group ${q.group}`, { members: q.members, 'service contracts': q.contracts })
}
