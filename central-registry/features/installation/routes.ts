/**
 * Handlers of the operations by which the first two administrators are admitted, and one more when the
 * ceremony is opened again.
 */
import type { Clock } from '#platform/clock.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import type { PeopleStore } from '#platform/people/store.ts'
import { createFailedTries } from '#platform/sessions/failed-tries.ts'
import { Fault, type FaultCode } from '#schemas/fault.ts'
import { say, type Word } from '#schemas/said.ts'
import { digestOf } from './code-files.ts'
import type { InstallationStore, Redeemed } from './store.ts'

/**
 * The roles of each of the first administrators: enough to set up the instance. They give other roles to
 * others.
 */
const FIRST_ROLES = ['XROAD_REGISTRATION_OFFICER', 'XROAD_SECURITY_OFFICER', 'XROAD_SYSTEM_ADMINISTRATOR']

export function installationHandlers(q: {
  store: InstallationStore
  people: Pick<PeopleStore, 'install' | 'forgetGuests'>
  clock: Clock
}): Record<string, OperationHandler> {
  const failed = createFailedTries(q.clock)
  return {
    closeInstallation: async () => {
      if (!(await q.store.close(new Date(q.clock()).toISOString())))
        throw new Fault('not_found', { what: say`the installation is not open for one more administrator` })
    },
    redeemInstallationCode: async ({ body, caller }) => {
      if (caller.kind !== 'person') throw new Fault('not_in_person')
      failed.check(caller.id, say`too many wrong codes`)
      const { code } = body as { code: string }
      const outcome = await q.store.redeem({
        person: caller.id,
        digest: digestOf(code),
        at: new Date(q.clock()).toISOString(),
        admit: async (transaction, isLast) => {
          await q.people.install(transaction, caller.id, FIRST_ROLES)
          if (isLast) await q.people.forgetGuests(transaction)
        },
      })
      if (outcome === 'wrong') failed.count(caller.id)
      const refusal = REFUSALS[outcome]
      if (refusal !== undefined) throw new Fault(...refusal)
      // The person's session was ended, because it had the earlier roles.
      return { installed: outcome === 'installed', roles: FIRST_ROLES, loginAgain: true }
    },
  }
}

const REFUSALS: Partial<Record<Redeemed, [FaultCode, { what?: Word }]>> = {
  wrong: ['installation_code_wrong', {}],
  'same person': ['not_second_person', { what: say`you have redeemed the other code` }],
  over: ['conflict', { what: say`the registry is installed already` }],
}
