/** Handlers of the operations on suspensions. */
import type { Clock } from '#platform/clock.ts'
import type { Within } from '#platform/database/open-database.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import { checkReason } from '#platform/http-service/four-eyes.ts'
import { listAnswer } from '#platform/http-service/list-answer.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import { checkUnchanged } from '#platform/people/second-person.ts'
import type { PeopleStore } from '#platform/people/store.ts'
import { Fault } from '#schemas/fault.ts'
import { MOST_SUSPENDED, type SuspendedKind } from '#schemas/global-configuration.ts'
import { say } from '#schemas/said.ts'
import { type Act, actOf } from '../../changes/decision.ts'
import type { Page } from '../../changes/store.ts'
import { instanceOf } from '../../members/instance.ts'
import type { MemberStore } from '../../members/store.ts'
import type { SuspensionRow } from '../../register/tables.ts'
import type { SuspensionPolicyStore } from './policy-store.ts'
import { checkConfirmer, checkInForce, describe, mayConfirm, subjectOf } from './rules.ts'
import type { SuspensionStore } from './store.ts'

type Rooms = {
  store: SuspensionStore
  policy: SuspensionPolicyStore
  members: Pick<MemberStore, 'parameters'>
  /** Whether changes of trust need two persons now. */
  fourEyes(): Promise<boolean>
  /**
   * The active person at the start of the chain of keys that made an API key; null for keys of the operator.
   */
  makerOf(key: string): Promise<string | null>
  people: Pick<PeopleStore, 'find'>
  clock: Clock
}

const STATES = {
  inForce: ['unconfirmed', 'confirmed'],
  unconfirmed: ['unconfirmed'],
  lifted: ['lifted'],
  all: ['unconfirmed', 'confirmed', 'lifted'],
} satisfies Record<string, SuspensionRow['state'][]>

export function suspensionHandlers(rooms: Rooms): Record<string, OperationHandler> {
  const { store, policy } = rooms
  const act = (caller: Caller, approver?: Caller): Act => actOf(caller, rooms.clock(), approver)
  const described = async (rows: SuspensionRow[], caller: Caller) => {
    const inPerson = await rooms.fourEyes()
    const titles = await store.titles(
      rows.flatMap(({ kind, subject }) => (kind === 'contract' ? [subject] : [])),
    )
    return rows.map((row) => ({
      ...describe(row, mayConfirm(row, caller, inPerson)),
      ...(row.kind === 'contract' ? { title: titles.get(row.subject) ?? '' } : {}),
    }))
  }
  const one = async (row: SuspensionRow, caller: Caller) => (await described([row], caller))[0]!

  return {
    getSuspensions: async ({ query, caller }) => {
      const { state, kind, subject, ...page } = query as Page & {
        state: keyof typeof STATES
        kind?: SuspendedKind
        subject?: string
      }
      if ((kind === undefined) !== (subject === undefined))
        throw new Fault('invalid_input', { what: say`kind and subject are given together` })
      const of =
        kind === undefined || subject === undefined
          ? undefined
          : { kind, subject: subjectOf(kind, subject, await instanceOf(rooms.members)) }
      const filter = { states: STATES[state], of, q: page.q }
      const rows = await store.list({ ...page, ...filter })
      return listAnswer(await described(rows, caller), page, () => store.count(filter))
    },
    getSuspension: async ({ params, caller }) => one(await store.find(Number(params['id'])), caller),
    addSuspension: async ({ body, caller }) => {
      const { kind, subject, reason } = body as { kind: SuspendedKind; subject: string; reason: string }
      const maker = caller.kind === 'key' ? await rooms.makerOf(caller.id) : null
      const row = await store.suspend(
        {
          ...{ kind, maker, reason: checkReason(reason) },
          subject: subjectOf(kind, subject, await instanceOf(rooms.members)),
        },
        act(caller),
      )
      return one(row, caller)
    },
    confirmSuspension: async ({ params, caller }) => {
      const inPerson = await rooms.fourEyes()
      const check = async (row: SuspensionRow, within: Within): Promise<void> => {
        checkConfirmer(row, caller, inPerson)
        await checkUnchanged(caller, rooms.people, within)
      }
      return one(await store.confirm(Number(params['id']), check, act(caller)), caller)
    },
    liftSuspension: async ({ params, caller, approver }) => {
      await store.lift(Number(params['id']), checkInForce, act(caller, approver))
    },
    getSuspensionPolicy: async ({ caller }) => {
      const maker = caller.kind === 'key' ? await rooms.makerOf(caller.id) : null
      return {
        perDay: await policy.perDay(),
        leaveConfiguration: await policy.doesLeave(),
        ownUnconfirmedToday: await policy.unconfirmedOf(maker ?? caller.id, act(caller).at),
        inForce: await store.count({ states: STATES.inForce }),
        unconfirmed: await store.count({ states: STATES.unconfirmed }),
        mostInForce: MOST_SUSPENDED,
      }
    },
    setSuspensionPolicy: ({ body }) => policy.set(body as { perDay: number; leaveConfiguration?: boolean }),
  }
}
