/** Handler of the operation that predicts what an act would affect, before anybody does it. */
import type { Clock } from '#platform/clock.ts'
import type { Database } from '#platform/database/open-database.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { partiesOf } from '../../contract-versions/rules.ts'
import { instanceOf } from '../../members/instance.ts'
import { encodedId, encodedServer } from '../../members/rules.ts'
import type { MemberStore } from '../../members/store.ts'
import { callsOf, named, type ReportedExchanges } from './calls.ts'
import { foresee } from './foresee-store.ts'
import type { ActsOfFeatures, ForeseenAct } from './perform.ts'

/**
 * Each question blocks the changes of the register for a moment, so more than these at once are a mistake or
 * an attack.
 */
const MOST_AT_ONCE = 4

export function consequenceHandlers(q: {
  database: Database
  members: Pick<MemberStore, 'parameters'>
  makerOf(key: string): Promise<string | null>
  reportedExchanges: ReportedExchanges
  features: ActsOfFeatures
  clock: Clock
}): Record<string, OperationHandler> {
  let running = 0

  return {
    getConsequences: async ({ query, caller }) => {
      const { operation, ...more } = query as ForeseenAct
      const instance = await instanceOf(q.members)
      const maker = caller.kind === 'key' ? await q.makerOf(caller.id) : null
      const act = { operation, ...more }
      if (running >= MOST_AT_ONCE)
        throw new Fault('conflict', {
          what: say`${MOST_AT_ONCE} such questions are being answered: try again`,
        })
      running++
      const { refused, affected } = await foresee(q.database, act, {
        instance,
        now: q.clock(),
        caller,
        maker,
        features: q.features,
      }).finally(() => {
        running--
      })
      if (affected === undefined)
        return { operation, possible: false, refusal: { type: refused!.code, message: refused!.message } }
      const { certificates, contracts } = affected
      const calls = await callsOf(q.reportedExchanges, affected, q.clock())
      const members = new Set([
        ...affected.members,
        ...contracts.flatMap(({ content }) => partiesOf(content, [])),
      ])
      return {
        operation,
        possible: true,
        members: named([...members].sort().map(encodedId)),
        clients: named(affected.clients.map(encodedId)),
        withoutServer: named(affected.withoutServer.map(encodedId)),
        securityServers: named(affected.servers.map(encodedServer)),
        certificates: named(certificates.map((one) => ({ ...one, server: encodedServer(one.server) }))),
        contracts: named(
          contracts.map((one) => {
            const { content: _, consumers: __, ...contract } = one
            return { ...contract, calls: calls.under(one) }
          }),
        ),
        services: named(calls.services(contracts)),
        signers: named(affected.signers.map(encodedId)),
        calls: calls.told,
        notKnown: [
          ...calls.notKnown,
          'services that no contract names and nobody called, and signing certificates that were never used towards the registry: the security servers know them',
        ],
      }
    },
  }
}
