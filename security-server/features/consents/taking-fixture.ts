/** For tests only: nodes of a server that take consents of one database, and consents to take. */
import { randomUUID } from 'node:crypto'
import type { Test } from 'tap'
import type { Database } from '#platform/database/open-database.ts'
import type { ConsentRule } from '#schemas/contract.ts'
import type { Fault } from '#schemas/fault.ts'
import { until } from '#test/until.ts'
import type { ConsentQuestion, TakenConsent } from '../../peer/consents.ts'
import { createKeyStore } from './key-store.ts'
import { createOwnSource } from './own-source.ts'
import { createPeopleKey, createPeopleNames, type Seals } from './people-names.ts'
import { createConsentStore } from './store.ts'
import type { ConsentRow } from './tables.ts'
import { createConsentTaking } from './take-consent.ts'

export const NOON = Date.parse('2026-06-01T12:00:00.000Z')
export const DAY = 86_400_000
export const CLIENT = 'DEV/GOV/1000/tax'
export const CONTRACT = 'c0ffee00-0000-4000-8000-000000000001'
export const rule: ConsentRule = {
  ...{ proof: 'login', kinds: ['once', 'standing'], maxDays: 30 },
  dataLife: { unit: 'day', value: 30 },
}
export const world = { now: NOON }
export const quiet = { warn: () => undefined }
export const iso = (at: number): string => new Date(at).toISOString()
/** What one-way messages have, without a folder. */
export const seals: Seals = { current: 'k1', seal: (_of, plain) => plain, open: (_of, sealed) => sealed }

export function node(t: Test, database: Database) {
  const store = createConsentStore(database)
  const nameOf = createPeopleNames(createPeopleKey(createKeyStore(database), seals, () => world.now))
  const source = createOwnSource({ store, nameOf, clock: () => world.now })
  const taking = createConsentTaking({ source, clock: () => world.now, log: quiet })
  t.teardown(() => taking.close())
  return { store, nameOf, ...taking }
}
export type Node = ReturnType<typeof node>

export const person = (code: string) => ({ type: 'personal-code', identifier: code })

export async function give(by: Node, code: string, more: Partial<ConsentRow> = {}): Promise<ConsentRow> {
  const row: ConsentRow = {
    ...{ number: randomUUID(), subsystem: 'DEV/GOV/2000/population', client: CLIENT, contract: CONTRACT },
    ...{ person: await by.nameOf(person(code)), demand: 'd1', kind: 'standing', digest: 'x' },
    ...{ given_at: iso(world.now), valid_until: iso(world.now + 30 * DAY), document: '{}', agreed: '{}' },
    ...{
      presentation: null,
      presented: null,
      withdrawn_at: null,
      withdrawn_record: null,
      withdrawn_by: null,
      last_use: null,
    },
    ...{ uses: 0, stretch: '', stretch_uses: 0 },
    ...more,
  }
  await by.store.add(row, { record: 1 })
  by.changed()
  return row
}

export const ask = (
  code: string,
  more: { demand?: string; client?: string; rule?: ConsentRule } = {},
): ConsentQuestion => ({
  person: person(code),
  client: more.client ?? CLIENT,
  service: 'DEV/GOV/2000/population/persons',
  terms: { contract: CONTRACT, demand: more.demand ?? 'd1', rule: more.rule ?? rule },
  ids: { id: 'Q-1', requestId: randomUUID() },
})

/** So many calls at the same moment over these nodes: how many passed, and the codes of the faults. */
export async function storm(nodes: Node[], calls: number, one: () => ConsentQuestion) {
  const outcomes = await Promise.allSettled(
    Array.from({ length: calls }, (_, i) => takeSurely(nodes[i % nodes.length]!, one())),
  )
  const codes = outcomes.flatMap((each) => (each.status === 'rejected' ? [(each.reason as Fault).code] : []))
  return { passed: calls - codes.length, codes: [...new Set(codes)] }
}

/** While another node keeps a row for too long nobody knows: a system asks again. */
async function takeSurely(by: Node, call: ConsentQuestion): Promise<TakenConsent> {
  const { taken } = await until('an answer about a consent', async (saw) => {
    try {
      return { taken: await by.take(call) }
    } catch (thrown) {
      if (saw((thrown as Fault).code) !== 'consent_unknown') throw thrown
      return undefined
    }
  })
  return taken
}
