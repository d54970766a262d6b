/**
 * An instance as a person meets it: registers and offices of which some tell the same, some one side alone,
 * and some nothing.
 */
import { type Answering, exchange, type FakeSystem, tells, tellsPlainly } from './usage-systems.ts'

const HOUR_MS = 3_600_000

const system = (code: string, subsystem: string, name: string, owner: string): FakeSystem => ({
  ...{ id: `DEV/GOV/${code}/${subsystem}`, name, owner },
})

const population = system('1001', 'population', 'Population register', 'Population Agency')
const tax = system('1002', 'tax', 'Tax assessment', 'Tax Agency')
const health = system('1004', 'health', 'Health insurance', 'Health Agency')
const court = system('1007', 'court', 'Court information system', 'County Court')
const roads = system('1008', 'roads', 'Traffic register', 'Road Agency')
const business = system('1003', 'business', 'Business register', 'Business Agency')

const AGREEMENTS = {
  tax: {
    contract: {
      id: '7f0f0d3c-1111-4222-8333-444455556666',
      version: 1,
      title: 'Persons for tax assessment',
      retentionDays: 3650,
    },
    legalBasis: 'Tax Procedure Act, section 22',
    fields: { response: ['/code', '/givenName', '/familyName', '/born', '/address/town'] },
  },
  health: {
    contract: {
      id: '9a0f0d3c-1111-4222-8333-444455556666',
      version: 2,
      title: 'Identity of patients',
      retentionDays: 365,
    },
    legalBasis: 'Patient Records Act, section 7',
    purposes: { en: 'Identification of patients at admission', et: 'Patsiendi isiku tuvastamine vastuvõtul' },
    fields: { response: ['/code', '/givenName', '/familyName'] },
  },
}

/** `now` is when the person looks. `hostile` takes the place of what the traffic register answers. */
export function usageSample(now: number, hostile?: Answering): FakeSystem[] {
  const at = (hours: number): string => new Date(now - hours * HOUR_MS).toISOString()
  const taxes = [0.1, 0.6, 1.1, 260, 700].map((hours, number) =>
    exchange({
      ...{ number: number + 1, time: at(hours), client: tax, provider: population },
      ...{ purpose: 'Identification of taxpayers', more: AGREEMENTS.tax },
    }),
  )
  const cares = [30, 31, 900].map((hours, number) =>
    exchange({
      ...{ number: number + 20, time: at(hours), client: health, provider: population },
      ...{ purpose: 'Identification of patients at admission', more: AGREEMENTS.health },
    }),
  )
  const incomes = exchange({
    ...{ number: 40, time: at(200), client: health, provider: tax, purpose: "Ceiling on patients' fees" },
    more: { legalBasis: 'Health Insurance Act, section 31' },
  })
  const differing = exchange({
    ...{ number: 50, time: at(420), client: tax, provider: health, purpose: 'Collection of social tax' },
    more: { legalBasis: 'Social Tax Act, section 6' },
  })
  const refused = exchange({
    ...{ number: 60, time: at(480), client: business, provider: population, purpose: '' },
    more: { purposes: {}, outcome: 'access_denied' },
  })
  const newest = <R extends { time: string }>(rows: R[]): R[] =>
    rows.sort((a, b) => (a.time < b.time ? 1 : -1))
  const mass = {
    ...{ role: 'provider' as const, client: { id: 'DEV:GOV:1002:tax', name: 'Tax Agency' }, messages: 12 },
    ...{ service: { id: 'DEV:GOV:1001:population:persons' }, purposes: { en: 'Names for tax assessment' } },
    ...{ first: '2026-10-01', last: '2026-11-20' },
  }
  // Its provider could not read the record of it.
  const unread = { ...refused.provider, isUnread: true as const }
  const given = newest([...[...taxes, ...cares].map(({ provider }) => provider), unread])
  const undeclared = [{ role: 'provider' as const, service: 'DEV:GOV:1001:population:lookup' }]
  return [
    {
      ...population,
      answers: tells(population, given, {
        coverage: {
          isAll: false,
          undeclared,
          withheld: [{ month: '2026-10', ground: 'crime', exceptions: 3 }],
        },
        answer: { massUses: [mass] },
      }),
    },
    {
      ...tax,
      answers: tells(
        tax,
        newest([
          ...taxes.map(({ consumer }) => consumer),
          incomes.provider,
          { ...differing.consumer, time: new Date(Date.parse(at(420)) - 2 * HOUR_MS).toISOString() },
        ]),
      ),
    },
    {
      ...health,
      answers: tells(
        health,
        newest([...cares.map(({ consumer }) => consumer), incomes.consumer, differing.provider]),
      ),
    },
    {
      ...court,
      answers: tellsPlainly([
        {
          ...{ logtime: at(1500), action: 'Summons in case 2-26-114', receiverCode: '70000562' },
          ...{ receiverName: 'Police Board', receiverSystem: 'DEV/GOV/1009/police' },
        },
      ]),
    },
    ...(hostile === undefined ? [{ ...roads, isSilent: true as const }] : [{ ...roads, answers: hostile }]),
    business,
  ]
}
