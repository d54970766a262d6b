/** Handler of the operation that tells what an act would affect, before anybody does it. */
import type { Clock } from '#platform/clock.ts'
import type { Database } from '#platform/database/open-database.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import { partiesOf } from '../contracts/rules.ts'
import { instanceOf } from '../members/instance.ts'
import { encodedId } from '../members/rules.ts'
import type { MemberStore } from '../members/store.ts'
import { encodedServer } from '../servers/rules.ts'
import { foresee } from './foresee-store.ts'
import type { ForeseenAct } from './perform.ts'

/** Of each list so many are named; all are counted. */
const NAMED = 100

export function consequenceHandlers(q: {
  database: Database
  members: Pick<MemberStore, 'parameters'>
  makerOf(key: string): Promise<string | null>
  clock: Clock
}): Record<string, OperationHandler> {
  return {
    getConsequences: async ({ query, caller }) => {
      const { operation, ...more } = query as ForeseenAct
      const instance = await instanceOf(q.members)
      const maker = caller.kind === 'key' ? await q.makerOf(caller.id) : null
      const act = { operation, ...more }
      const { refused, affected } = await foresee(q.database, act, {
        instance,
        now: q.clock(),
        caller,
        maker,
      })
      if (affected === undefined)
        return { operation, possible: false, refusal: { type: refused!.code, message: refused!.message } }
      const { certificates, contracts } = affected
      const members = new Set([
        ...affected.members,
        ...contracts.flatMap(({ content }) => partiesOf(content, [])),
      ])
      const services = new Map(
        contracts.flatMap(({ content }) =>
          content.services.map(({ serviceCode }) => {
            const service = { provider: encodedId(content.provider), serviceCode }
            return [JSON.stringify(service), service] as const
          }),
        ),
      )
      return {
        operation,
        possible: true,
        members: named([...members].sort().map(encodedId)),
        clients: named(affected.clients.map(encodedId)),
        withoutServer: named(affected.withoutServer.map(encodedId)),
        securityServers: named(affected.servers.map(encodedServer)),
        certificates: named(certificates.map((one) => ({ ...one, server: encodedServer(one.server) }))),
        contracts: named(contracts.map(({ content: _, ...contract }) => contract)),
        services: named([...services.values()]),
        signers: named(affected.signers.map(encodedId)),
        notKnown: [
          'how often these services were called in the last month: the message logs of the security servers know',
          'services that no contract names, and signing certificates that were never used towards the registry: the security servers know them',
        ],
      }
    },
  }
}

function named<T>(all: T[]): { total: number; first: T[] } {
  return { total: all.length, first: all.slice(0, NAMED) }
}
