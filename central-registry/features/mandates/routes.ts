/** Handlers of the operations on hosting mandates and on the policy that requires them. */
import type { Clock } from '#platform/clock.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import { listAnswer } from '#platform/http-service/list-answer.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import { Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import { wholeNumber } from '#schemas/sent-values.ts'
import type { Page } from '../../changes/store.ts'
import { instanceOf } from '../../members/instance.ts'
import { clientOf, encodedId, memberIdOf } from '../../members/rules.ts'
import type { MemberStore } from '../../members/store.ts'
import type { HostingMandateRow } from '../../register/tables.ts'
import { checkMandate, type MandateState, stateAt } from './rules.ts'
import { type MandateStore, mandateOf } from './store.ts'

export function mandateHandlers(q: {
  store: MandateStore
  members: Pick<MemberStore, 'parameters'>
  clock: Clock
}): Record<string, OperationHandler> {
  const { store } = q
  const now = (): string => new Date(q.clock()).toISOString()
  const named = ({ kind, name, id }: Caller): string => `${name} (${kind} ${id})`

  return {
    getHostingMandates: async ({ query }) => {
      const { member, state, ...page } = query as Page & { member?: string; state?: MandateState }
      const filter = {
        ...{ q: page.q, state },
        ...(member === undefined ? {} : { member: idText(memberIdOf(member, await instanceOf(q.members))) }),
      }
      const rows = await store.list(page, filter, now())
      return listAnswer(
        rows.map((row) => describe(row, now())),
        page,
        () => store.count(filter, now()),
      )
    },
    getHostingMandate: async ({ params }) => describe(await store.find(Number(params['id'])), now()),
    addHostingMandate: async ({ body, caller, approver }) => {
      const given = body as { host: string; client: string; validUntil: string }
      const instance = await instanceOf(q.members)
      const time = new Date(given.validUntil)
      // RFC 3339 allows leap seconds, Date does not.
      if (Number.isNaN(time.getTime()))
        throw new Fault('invalid_input', { what: say`validUntil is not a time` })
      const mandate = {
        host: idText(memberIdOf(given.host, instance)),
        client: idText(clientOf(given.client, instance)),
        validUntil: time.toISOString(),
      }
      checkMandate(mandate, q.clock())
      const by = approver === undefined ? named(caller) : `${named(caller)}, approved by ${named(approver)}`
      return { id: await store.add(mandate, { by, at: now() }) }
    },
    endHostingMandate: async ({ params, caller }) => {
      await store.end(Number(params['id']), { by: named(caller), at: now() })
    },
    getHostingPolicy: async () => ({ mandateRequired: await store.isRequired() }),
    setHostingPolicy: ({ body }) => store.setRequired((body as { mandateRequired: boolean }).mandateRequired),
  }
}

function describe(row: HostingMandateRow, now: string) {
  return {
    id: wholeNumber(row.id),
    host: encodedId(row.host),
    client: encodedId(row.client),
    validUntil: row.valid_until,
    state: stateAt(mandateOf(row), now),
    createdAt: row.created_at,
    createdBy: row.created_by,
    ...(row.ended_at === null ? {} : { endedAt: row.ended_at, endedBy: row.ended_by }),
  }
}
