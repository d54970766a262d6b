/**
 * Whether a call takes two people: as the agency's policy says, and always where it lets somebody ask about
 * people.
 */
import type { CallInput } from '#platform/http-service/four-eyes.ts'
import type { Operation } from '#platform/http-service/openapi-operations.ts'
import { changedBehindRights, hasRights, isBehindRights } from '../../local-systems/behind-rights.ts'
import { hidesFromTracker, isBehindTracker } from '../../local-systems/behind-tracker.ts'
import { givesTracker, trackersBehindGroup } from '../../local-systems/tracker-rights.ts'
import type { ServiceView, View } from '../../local-systems/view.ts'

export type RequiringGround = {
  fourEyesPolicy: {
    always: readonly string[]
    inForce(): Promise<readonly string[]>
    hasSecond(): Promise<boolean>
  }
  localSystems: { view(): View }
}

type Waiting = { isProposed(q: { operation: string; params: Record<string, string> }): Promise<boolean> }

/** Without an operation: whether any takes two. */
export async function isRequired(
  { fourEyesPolicy, localSystems }: RequiringGround,
  {
    operation,
    call,
  }: { operation: Pick<Operation, 'id' | 'fourEyesKind'> | undefined; call: CallInput | undefined },
  { isProposed }: Waiting,
): Promise<boolean> {
  const kinds = await fourEyesPolicy.inForce()
  if (operation === undefined) return kinds.length > 0
  const kind = operation.fourEyesKind ?? ''
  if (call !== undefined && isBehindTracker(operation.id))
    return hidesFromTracker(localSystems.view(), operation.id, call)
  if (fourEyesPolicy.always.includes(kind)) return true
  // Whoever may ask a tracker can read what was done with the data of everybody.
  if (call !== undefined && givesTracker(localSystems.view(), operation.id, call))
    return kinds.includes(kind) || fourEyesPolicy.hasSecond()
  // Who approves a right that waits relies on what the service is by then, and on who is in the group.
  const isAskedFor = ({ key }: ServiceView) =>
    isProposed({ operation: 'addAccessRight', params: { id: String(key) } })
  if (!kinds.includes(kind)) {
    const behind = call === undefined ? [] : trackersBehindGroup(localSystems.view(), operation.id, call)
    for (const one of behind) if (await isAskedFor(one)) return fourEyesPolicy.hasSecond()
    return false
  }
  if (call === undefined || !isBehindRights(operation.id)) return true
  const changed = changedBehindRights(localSystems.view(), operation.id, call)
  for (const one of changed) if (hasRights(one) || (await isAskedFor(one))) return true
  return false
}
