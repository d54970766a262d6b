/**
 * A service contract of the sandbox: two people of each agency agree to it, two administrators approve it, and what it does not name is
 * gone from an answer.
 */
import type { ContractTerms } from '#schemas/contract.ts'
import { type Administrator, byTwo, openAdministrator } from './administrator.ts'
import { arrive } from './install-registry.ts'
import type { Instance } from './instance.ts'
import { type Agency, encoded, type Layout, POPULATION_SERVICE, subsystemText } from './layout.ts'
import { invitedAt, serverUrl, signatoriesOf } from './people.ts'

type Say = (line: string) => void
type Listed = { contract: string; title: string; state: string; contentHash: string; validUntil: string }

const TITLE = 'Names for tax assessment'
const FIELDS = ['/persons/code', '/persons/givenName', '/persons/familyName']
const YEAR_MS = 365 * 86_400_000

/** Searches for a family name under the contract. Throws with the reason when a step fails. */
export async function showContract(instance: Instance, familyName: string, say: Say): Promise<void> {
  const { systems, agencies } = instance.layout
  const { population } = agencies
  say(`The Tax Agency searches for people under a contract, "${TITLE}":`)
  say(`  in force        ${await putInForce(instance)}`)
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

/** The contract, agreed to and approved unless it holds already; says how. */
async function putInForce(instance: Instance): Promise<string> {
  const { layout, servers } = instance
  const { tax, population } = layout.agencies
  const asker = servers[tax.key]!
  const known = await asker.get<{ contracts: Listed[] }>('/contracts?state=ACTIVE')
  const held = known.contracts.find(
    ({ title, validUntil }) => title === TITLE && Date.parse(validUntil) > Date.now(),
  )
  if (held !== undefined) return `until ${held.validUntil}, since an earlier start`
  const [proposer, ...others] = [...(await logIn(instance, tax)), ...(await logIn(instance, population))]
  try {
    const { contract, hash } = await proposer!.person.send<{ contract: string; hash: string }>(
      'POST',
      '/contracts',
      {
        terms: termsOf(layout),
        member: memberOf(layout, tax),
      },
    )
    for (const { agency, person } of [proposer!, ...others]) {
      await person.send('PUT', '/contracts/refresh')
      const member = memberOf(layout, agency)
      await person.send('POST', `/contracts/${contract}/accept`, { contentHash: hash, member })
    }
    await approve(instance, contract, hash)
    await Promise.all([tax, population].map(({ key }) => servers[key]!.send('PUT', '/contracts/refresh')))
    const names = [proposer!, ...others].map(({ name }) => name)
    return `agreed by ${names.join(', ')}; approved by the registry`
  } finally {
    await Promise.all([proposer!, ...others].map(({ person }) => person.close()))
  }
}

type Signatory = { agency: Agency; name: string; person: Administrator }

/** Invited first: an earlier start may have ended before the contract was in force. */
async function logIn({ layout, servers }: Instance, agency: Agency): Promise<Signatory[]> {
  const server = servers[agency.key]!
  const known = await server.get<{ email: string }[]>('/people?limit=500')
  for (const one of invitedAt(layout, agency, 'signatory'))
    if (!known.some(({ email }) => email === one.email)) await server.send('POST', '/people', one)
  return Promise.all(
    signatoriesOf(layout, agency).map(async (who, at) => {
      const person = openAdministrator(serverUrl(agency), who, `${layout.people}${at + 1}`)
      await person.login()
      return { agency, name: who.name, person }
    }),
  )
}

async function approve(
  { layout, registry, installed }: Instance,
  contract: string,
  hash: string,
): Promise<void> {
  const path = `/contracts/${contract}/approve`
  const body = { contentHash: hash }
  if (!installed) return registry.send('POST', path, body)
  const two = await arrive(layout)
  const reason = 'The Tax Agency may know the names of persons.'
  await byTwo(two, { method: 'POST', path, body, reason })
  await Promise.all(two.map((one) => one.close()))
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

function memberOf({ instance, memberClass }: Layout, { memberCode }: Agency): string {
  return encoded(`${instance}/${memberClass}/${memberCode}`)
}
