/** Handlers of the operations on suspensions. */
import type { Clock } from '#platform/clock.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import { checkReason } from '#platform/http-service/four-eyes.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import type { SuspendedKind } from '#schemas/global-configuration.ts'
import { listAnswer } from '../list-answer.ts'
import { instanceOf } from '../members/instance.ts'
import type { MemberStore } from '../members/store.ts'
import type { SuspensionRow } from '../migrations/tables.ts'
import { checkConfirmer, checkInForce, encodedSubject, mayConfirm, subjectOf } from './rules.ts'
import type { SuspensionStore } from './store.ts'

type Rooms = {
  store: SuspensionStore
  members: Pick<MemberStore, 'parameters'>
  /** Whether what trust hangs on takes two persons now. */
  fourEyes(): Promise<boolean>
  /** The person or key that made an API key. */
  makerOf(key: string): Promise<string | null>
  clock: Clock
}

const STATES = {
  inForce: ['unconfirmed', 'confirmed'],
  unconfirmed: ['unconfirmed'],
  lifted: ['lifted'],
  all: ['unconfirmed', 'confirmed', 'lifted'],
} satisfies Record<string, SuspensionRow['state'][]>

export function suspensionHandlers(rooms: Rooms): Record<string, OperationHandler> {
  const { store } = rooms
  const act = (caller: Caller) => ({
    by: { id: caller.id, name: caller.name },
    at: new Date(rooms.clock()).toISOString(),
  })
  const described = async (row: SuspensionRow, caller: Caller): Promise<object> =>
    describe(row, mayConfirm(row, caller, await rooms.fourEyes()))

  return {
    getSuspensions: async ({ query, caller }) => {
      const { state, ...page } = query as { state: keyof typeof STATES; offset: number; limit: number }
      const rows = await store.list({ ...page, states: STATES[state] })
      const inPerson = await rooms.fourEyes()
      const list = rows.map((row) => describe(row, mayConfirm(row, caller, inPerson)))
      return listAnswer(list, page, () => store.count(STATES[state]))
    },
    getSuspension: async ({ params, caller }) => described(await store.find(Number(params['id'])), caller),
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
      return described(row, caller)
    },
    confirmSuspension: async ({ params, caller }) => {
      const inPerson = await rooms.fourEyes()
      const check = (row: SuspensionRow): void => checkConfirmer(row, caller, inPerson)
      return described(await store.confirm(Number(params['id']), check, act(caller)), caller)
    },
    liftSuspension: async ({ params, caller }) => {
      await store.lift(Number(params['id']), checkInForce, act(caller))
    },
  }
}

function describe(row: SuspensionRow, mayConfirm: boolean): object {
  const who = (id: string | null, name: string | null): object | null => (id === null ? null : { id, name })
  return {
    id: row.id,
    kind: row.kind,
    subject: encodedSubject(row),
    reason: row.reason,
    state: row.state,
    suspendedAt: row.suspended_at,
    suspendedBy: who(row.suspended_by, row.suspended_by_name),
    confirmedAt: row.confirmed_at,
    confirmedBy: who(row.confirmed_by, row.confirmed_by_name),
    liftedAt: row.lifted_at,
    liftedBy: who(row.lifted_by, row.lifted_by_name),
    announcements: row.escalations,
    mayConfirm,
  }
}
