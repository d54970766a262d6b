/**
 * Guarantees that one person alone changes nothing that given rights rely on, even when the right is given in
 * the same moment: asked once more in the transaction of the change.
 */
import type { OperationInput } from '#platform/http-service/openapi.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { changedBehindRights, hasRights } from '../../local-systems/behind-rights.ts'
import type { Judge } from '../../local-systems/manage.ts'
import type { Needs } from './needs.ts'

/** Throws `conflict`: sent again, the call becomes a proposal. */
export async function judgeAlone(
  { fourEyesPolicy }: Pick<Needs, 'fourEyesPolicy'>,
  operation: string,
  { approver, ...call }: Pick<OperationInput, 'params' | 'body' | 'approver'>,
): Promise<Judge> {
  if (approver !== undefined || !(await fourEyesPolicy.inForce()).includes('accessRights'))
    return () => undefined
  return (view) => {
    if (changedBehindRights(view, operation, call).some(hasRights))
      throw new Fault('conflict', {
        what: say`rights to this service were given at the same time: send it again, and a second person decides`,
      })
  }
}
