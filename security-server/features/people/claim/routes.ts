/**
 * Handler of the operation by which the first administrator of a new server comes in: a person who is logged
 * in, with the claim code.
 */
import type { Clock } from '#platform/clock.ts'
import type { Handlers } from '#platform/http-service/openapi.ts'
import type { Passkeys } from '#platform/passkeys/create-passkeys.ts'
import type { PeopleStore } from '#platform/people/store.ts'
import { createFailedTries } from '#platform/sessions/failed-tries.ts'
import { Fault, type FaultCode } from '#schemas/fault.ts'
import { say, type Word } from '#schemas/said.ts'
import type { Claimed, ClaimStore } from './store.ts'
import { digestOf } from './write-code.ts'

/** Without it the first person could invite nobody, and the code would be used up. */
const NEEDED = 'XROAD_SYSTEM_ADMINISTRATOR'

export function claimHandlers(q: {
  store: Pick<ClaimStore, 'claim'>
  people: Pick<PeopleStore, 'install' | 'forgetGuests'>
  passkeys: Pick<Passkeys, 'acceptCode'>
  clock: Clock
}): Handlers {
  const failed = createFailedTries(q.clock)
  return {
    claimServer: async ({ body, caller }) => {
      if (caller.kind !== 'person') throw new Fault('not_in_person')
      failed.check(caller.id, say`too many wrong codes`)
      const { code, roles } = body as { code: string; roles: string[] }
      if (!roles.includes(NEEDED))
        throw new Fault('invalid_input', { what: say`body.roles needs ${NEEDED}, who invites the others` })
      const outcome = await q.store.claim({
        ...{ person: caller.id, digest: digestOf(code), at: new Date(q.clock()).toISOString() },
        admit: async (transaction) => {
          await q.people.install(transaction, caller.id, roles)
          // Nobody else is there to give them one.
          await q.passkeys.acceptCode(caller.id, code, transaction)
          await q.people.forgetGuests(transaction)
        },
      })
      if (outcome === 'wrong') failed.count(caller.id)
      if (outcome !== 'claimed') throw new Fault(...REFUSALS[outcome])
      // The person's session was ended, because it had no roles.
      return { roles, loginAgain: true }
    },
  }
}

const REFUSALS: Record<Exclude<Claimed, 'claimed'>, [FaultCode, { what?: Word }]> = {
  wrong: ['installation_code_wrong', {}],
  void: [
    'conflict',
    {
      what: say`it is too late for this code: the operator restarts the server, which then writes a new one`,
    },
  ],
  over: ['conflict', { what: say`this server has an administrator already: ask them to invite you` }],
}
