/** Handlers of the operations on successions: plan, begin, complete, and show what was done. */
import type { Clock } from '#platform/clock.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import { listAnswer } from '#platform/http-service/list-answer.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import { checkCode, checkNewCode, idText } from '#schemas/identifiers.ts'
import { wholeNumber } from '#schemas/sent-values.ts'
import type { Page } from '../../changes/store.ts'
import { instanceOf } from '../../members/instance.ts'
import { encodedId, encodedServer, memberIdOf } from '../../members/rules.ts'
import type { MemberStore } from '../../members/store.ts'
import type { SuccessionRow } from '../../register/tables.ts'
import type { Taking } from './begin-store.ts'
import type { Plan } from './rules.ts'
import type { SuccessionStore } from './store.ts'

export function successionHandlers(q: {
  store: SuccessionStore
  members: Pick<MemberStore, 'parameters'>
  clock: Clock
}): Record<string, OperationHandler> {
  const { store } = q
  const named = ({ kind, name, id }: Caller): string => `${name} (${kind} ${id})`
  const decision = (caller: Caller, approver?: Caller) => ({
    by: approver === undefined ? named(caller) : `${named(caller)}, approved by ${named(approver)}`,
    at: new Date(q.clock()).toISOString(),
  })
  const takingOf = async (params: Record<string, string>, body: unknown): Promise<Taking> => {
    const {
      successor,
      subsystems,
      servers = [],
    } = body as {
      successor: string
      subsystems?: NonNullable<Taking['subsystems']>
      servers?: string[]
    }
    const instance = await instanceOf(q.members)
    return {
      predecessor: memberIdOf(params['id']!, instance),
      successor: memberIdOf(successor, instance),
      subsystems: subsystems?.map(({ subsystemCode, as }) => ({
        subsystemCode: checkCode(subsystemCode),
        as: as === undefined ? undefined : checkNewCode(as),
      })),
      servers: servers.map(checkCode),
    }
  }

  return {
    planSuccession: async ({ params, body, caller }) =>
      described(await store.plan(await takingOf(params, body), decision(caller))),
    beginSuccession: async ({ params, body, caller, approver }) => {
      const { id, ...plan } = await store.begin(await takingOf(params, body), decision(caller, approver))
      return { id, ...described(plan) }
    },
    completeSuccession: async ({ params, caller, approver }) =>
      store.complete(Number(params['id']), decision(caller, approver)),
    getSuccession: async ({ params }) => whole(await store.find(Number(params['id']))),
    getSuccessions: async ({ query }) => {
      const { member: given, ...page } = query as Page & { member?: string }
      const member = given === undefined ? undefined : idText(memberIdOf(given, await instanceOf(q.members)))
      const filter = { q: page.q, member }
      return listAnswer((await store.list(page, filter)).map(summary), page, () => store.count(filter))
    },
  }
}

function summary(row: SuccessionRow) {
  return {
    id: wholeNumber(row.id),
    predecessor: encodedId(row.predecessor),
    successor: encodedId(row.successor),
    state: row.completed_at === null ? 'begun' : 'completed',
    begunAt: row.begun_at,
    begunBy: row.begun_by,
    ...(row.completed_at === null ? {} : { completedAt: row.completed_at, completedBy: row.completed_by }),
  }
}

function whole(row: SuccessionRow) {
  return { ...summary(row), ...described(JSON.parse(row.plan) as Plan) }
}

function described(plan: Plan) {
  const renamed = ({ from, to }: { from: string; to: string }) => ({
    from: encodedId(from),
    to: encodedId(to),
  })
  return {
    subsystems: plan.subsystems.map(renamed),
    servers: plan.servers.map(({ from, to }) => ({ from: encodedServer(from), to: encodedServer(to) })),
    registrations: plan.registrations.map(({ server, client }) => ({
      server: encodedServer(server),
      client: encodedId(client),
    })),
    groups: plan.groups.map(({ code, client }) => ({ code, client: encodedId(client) })),
    contracts: plan.contracts,
    byPeople: plan.byPeople,
  }
}
