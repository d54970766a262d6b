/**
 * Rules for the membership in a global group; pure. The life of the group itself is in members/rules.ts
 * (`nextStanding`).
 */
import { Fault } from '#schemas/fault.ts'
import { OWNERS_GROUP } from '#schemas/global-configuration.ts'
import { say } from '#schemas/said.ts'

export function isKeptByRegistry(group: string): boolean {
  return group === OWNERS_GROUP.code
}

/** Throws `conflict` for the group that the registry keeps by itself. */
export function checkByHand(group: string): void {
  if (isKeptByRegistry(group))
    throw new Fault('conflict', {
      what: say`the registry keeps the global group ${group} by itself: its members are the owners of security servers`,
    })
}

/**
 * Throws `conflict` for a client that is in the group already, because granting a right twice is a mistake.
 */
export function checkJoining(q: { group: string; client: string; isMember: boolean }): void {
  if (q.isMember)
    throw new Fault('conflict', { what: say`${q.client} belongs to the global group ${q.group}` })
}

/** Throws `not_found` for a client that is not in the group. */
export function checkLeaving(q: { group: string; client: string; isMember: boolean }): void {
  if (!q.isMember)
    throw new Fault('not_found', { what: say`${q.client} does not belong to the global group ${q.group}` })
}
