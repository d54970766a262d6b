/** Handler of the operation that explains why one subsystem cannot call a service of another. */

import { checkServicePath } from '#core/transport/service-path.ts'
import type { Clock } from '#platform/clock.ts'
import type { Database } from '#platform/database/open-database.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import { Fault } from '#schemas/fault.ts'
import { checkCode, idText } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import type { PublicationStore } from '../../configuration/store.ts'
import { approvedNow } from '../../documents/approved-now.ts'
import { instanceOf } from '../../members/instance.ts'
import { encodedId, subsystemIdOf } from '../../members/rules.ts'
import type { MemberStore } from '../../members/store.ts'
import type { TrustStore } from '../../trust/store.ts'
import { askResponder, beginHandshake, canConnect } from './client.ts'
import { createExplainStore } from './facts-store.ts'
import { gather } from './gather.ts'
import { readPublished } from './published.ts'
import { judge, verdictOf } from './rules.ts'

/** Each contacts other machines and waits, so more than these at once are a mistake or an attack. */
const MOST_AT_ONCE = 8

export function explainHandlers(q: {
  database: Database
  publications: PublicationStore
  members: MemberStore
  trust: TrustStore
  ocspFreshnessSeconds: number
  clock: Clock
}): Record<string, OperationHandler> {
  const rooms = {
    store: createExplainStore(q.database),
    published: (sides: Parameters<typeof readPublished>[1]) => readPublished(q.publications, sides),
    approved: () => approvedNow(q),
    ask: askResponder,
    handshake: beginHandshake,
    connects: canConnect,
  }
  let running = 0

  return {
    explainCall: async ({ query }) => {
      const given = query as {
        consumer: string
        provider: string
        serviceCode: string
        method?: string
        path?: string
      }
      if ((given.method === undefined) !== (given.path === undefined))
        throw new Fault('invalid_input', { what: say`method and path are given together, or neither` })
      const instance = await instanceOf(q.members)
      const call = {
        consumer: subsystemIdOf(given.consumer, instance),
        provider: subsystemIdOf(given.provider, instance),
        serviceCode: checkCode(given.serviceCode),
        method: given.method,
        // Checked in the same way as for access rights and contracts.
        path:
          given.path === undefined ? undefined : checkServicePath(given.path, { allowEncodedSlash: true }),
      }
      if (running >= MOST_AT_ONCE)
        throw new Fault('conflict', {
          what: say`${MOST_AT_ONCE} such questions are being answered: try again`,
        })
      running++
      try {
        const steps = judge(await gather(rooms, call, q.clock()))
        return {
          consumer: encodedId(idText(call.consumer)),
          provider: encodedId(idText(call.provider)),
          serviceCode: call.serviceCode,
          ...(given.method === undefined ? {} : { method: given.method, path: given.path }),
          at: new Date(q.clock()).toISOString(),
          verdict: verdictOf(steps),
          steps,
        }
      } finally {
        running--
      }
    },
  }
}
