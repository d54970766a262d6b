/**
 * A service contract of the sandbox: two people of each agency agree to it, two administrators approve it, and what it does not name is
 * gone from an answer.
 */
import type { ContractTerms } from '#schemas/contract.ts'
import type { Instance } from './instance.ts'
import { type Layout, POPULATION_SERVICE, subsystemText } from './layout.ts'
import { putInForce } from './put-in-force.ts'

type Say = (line: string) => void
const TITLE = 'Names for tax assessment'
const FIELDS = ['/persons/code', '/persons/givenName', '/persons/familyName']
const YEAR_MS = 365 * 86_400_000

/** Searches for a family name under the contract. Throws with the reason when a step fails. */
export async function showContract(instance: Instance, familyName: string, say: Say): Promise<void> {
  const { systems, agencies } = instance.layout
  const { population } = agencies
  say(`The Tax Agency searches for people under a contract, "${TITLE}":`)
  say(`  in force        ${await putInForce(instance, termsOf(instance.layout))}`)
  const where = `http://${systems.address}:${systems.taxAgency}/persons?familyName=${encodeURIComponent(familyName)}`
  const reply = await fetch(where)
  const body = (await reply.json()) as { persons?: Record<string, string>[] }
  const [person] = body.persons ?? []
  if (person === undefined) throw new Error(`the search was answered ${reply.status} ${JSON.stringify(body)}`)
  say(`  answered        ${Object.keys(person).join(', ')} of ${body.persons!.length} persons`)
  const log = instance.servers[population.key]!
  const query = new URLSearchParams({ limit: '10', queryId: reply.headers.get('x-road-id') ?? '' })
  const records = await log.get<{ index: number; kind: string }[]>(`/message-log/records?${query}`)
  const { index } = records.find(({ kind }) => kind === 'reply')!
  const { metadata, form } = await log.get<{
    metadata: { extra: { removedFields?: string } }
    form: { contract: string }
  }>(`/message-log/records/${index}`)
  const removed = JSON.parse(metadata.extra.removedFields ?? '[]') as string[]
  if (removed.length === 0 || Object.keys(person).some((name) => !FIELDS.includes(`/persons/${name}`)))
    throw new Error('the answer has fields that the contract does not name')
  say(`  removed         ${removed.join(', ')}, before the ${population.name} signed`)
  say(`  on record       ${population.name}, index ${index}, contract ${form.contract}`)
}

function termsOf(layout: Layout): ContractTerms {
  const { tax, population } = layout.agencies
  const now = Date.now()
  const time = (ms: number): string => new Date(ms).toISOString()
  return {
    title: TITLE,
    provider: subsystemText(layout, population),
    consumers: { subsystems: [subsystemText(layout, tax)] },
    services: [
      {
        serviceCode: POPULATION_SERVICE,
        endpoints: [{ method: 'GET', path: '/persons' }],
        responseFields: FIELDS,
      },
    ],
    purpose: 'Assessment of income tax',
    legalBasis: 'Tax Procedure Act, section 18',
    personalData: true,
    logLevel: 'full',
    retentionDays: 3650,
    validFrom: time(now),
    validUntil: time(now + YEAR_MS),
    reviewAt: time(now + YEAR_MS / 2),
    critical: false,
    outageGraceHours: 0,
    contacts: [tax, population].map((agency) => ({
      member: `${layout.instance}/${layout.memberClass}/${agency.memberCode}`,
      name: 'Contract desk',
      email: `contracts@${agency.key}.sandbox.example`,
    })),
  }
}
