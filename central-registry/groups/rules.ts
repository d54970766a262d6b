/** What holds for who belongs to a global group; pure. How the group itself lives is said by members/rules.ts (`nextStanding`). */
import { Fault } from '#schemas/fault.ts'

/** Throws `conflict` for somebody who belongs to the group already: a right that is given twice is a mistake somewhere. */
export function checkJoining(q: { group: string; client: string; isMember: boolean }): void {
  if (q.isMember) throw new Fault('conflict', { what: `${q.client} belongs to the global group ${q.group}` })
}

/** Throws `not_found` for somebody who does not belong to the group. */
export function checkLeaving(q: { group: string; client: string; isMember: boolean }): void {
  if (!q.isMember)
    throw new Fault('not_found', { what: `${q.client} does not belong to the global group ${q.group}` })
}
