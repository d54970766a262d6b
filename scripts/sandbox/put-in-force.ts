/** How a contract of the sandbox comes into force: two people of each agency agree to it, the registry's administrators approve it. */
import type { ContractTerms } from '#schemas/contract.ts'
import { type Administrator, byTwo, openAdministrator } from './administrator.ts'
import { arrive } from './install-registry.ts'
import type { Instance } from './instance.ts'
import { type Agency, encoded, type Layout } from './layout.ts'
import { invitedAt, serverUrl, signatoriesOf } from './people.ts'

type Listed = { contract: string; title: string; state: string; contentHash: string; validUntil: string }

/** The contract between the Tax Agency and the Population Register, agreed to and approved unless it holds already; says how. */
export async function putInForce(instance: Instance, terms: ContractTerms): Promise<string> {
  const { layout, servers } = instance
  const { tax, population } = layout.agencies
  const asker = servers[tax.key]!
  const known = await asker.get<{ contracts: Listed[] }>('/contracts?state=ACTIVE')
  const held = known.contracts.find(
    ({ title, validUntil }) => title === terms.title && Date.parse(validUntil) > Date.now(),
  )
  if (held !== undefined) return `until ${held.validUntil}, since an earlier start`
  const [proposer, ...others] = [...(await logIn(instance, tax)), ...(await logIn(instance, population))]
  try {
    const { contract, hash } = await proposer!.person.send<{ contract: string; hash: string }>(
      'POST',
      '/contracts',
      { terms, member: memberOf(layout, tax) },
    )
    for (const { agency, person } of [proposer!, ...others]) {
      await person.send('PUT', '/contracts/refresh')
      const member = memberOf(layout, agency)
      await person.send('POST', `/contracts/${contract}/accept`, { contentHash: hash, member })
    }
    await approve(instance, { contract, hash, reason: terms.purpose })
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
  { layout, installed }: Instance,
  { contract, hash, reason }: { contract: string; hash: string; reason: string },
): Promise<void> {
  const path = `/contracts/${contract}/approve`
  const body = { contentHash: hash }
  // A registry without administrators in person leaves it to the parties.
  if (!installed) return
  const two = await arrive(layout)
  await byTwo(two, { method: 'POST', path, body, reason })
  await Promise.all(two.map((one) => one.close()))
}

function memberOf({ instance, memberClass }: Layout, { memberCode }: Agency): string {
  return encoded(`${instance}/${memberClass}/${memberCode}`)
}
