/**
 * Folds uses that differ in their time alone into one entry: a morning's work on one case is one thing to a
 * person.
 */
import { shownRow, type Use } from './join.ts'

/** Uses of one kind, newest first; there is at least one. */
export type Group = { uses: Use[] }

const NEAR_MS = 24 * 3_600_000
const MOST_IN_GROUP = 200

/** `uses` newest first. Groups stand where their newest use does. */
export function groupUses(uses: readonly Use[]): Group[] {
  const groups: Group[] = []
  const open = new Map<string, Group>()
  for (const use of uses) {
    const key = kindOf(use)
    const group = open.get(key)
    if (group !== undefined && isNear(group.uses.at(-1)!, use) && group.uses.length < MOST_IN_GROUP) {
      group.uses.push(use)
      continue
    }
    const begun = { uses: [use] }
    open.set(key, begun)
    groups.push(begun)
  }
  return groups
}

function kindOf(use: Use): string {
  const { client, service, contract, purposes, outcome, legalBasis, isMass, isUnread } = shownRow(use)
  return JSON.stringify([
    ...[client?.id, client?.name, service?.id, contract?.id, purposes, legalBasis, outcome],
    ...[isMass, isUnread],
    ...[use.proven, use.differing, use.provider === undefined, use.consumer?.purposes],
    ...[use.provider?.told.id, use.consumer?.told.id],
  ])
}

/** Months of general rows are equal or not. */
function isNear(one: Use, next: Use): boolean {
  if (one.time.length < 10) return one.time === next.time
  return Date.parse(one.time) - Date.parse(next.time) <= NEAR_MS
}
