/** How a contract of the sandbox comes into force: two people of each agency agree to it, the registry's administrators approve it. */
import type { ContractTerms } from '#schemas/contract.ts'
import { type Administrator, byTwo, openAdministrator } from './administrator.ts'
import { arrive } from './install-registry.ts'
import { type Agency, encoded, type Layout } from './layout.ts'
import { invitedAt, serverUrl, signatoriesOf } from './people.ts'
import type { Instance } from './running.ts'

type Listed = { contract: string; title: string; state: string; contentHash: string; validUntil: string }
type Proposed = { contract: string; hash: string }
export type Parties = { consumer: Agency; provider: Agency }

/** A contract agreed to and approved unless it holds already; says how. */
export async function putInForce(
  instance: Instance,
  terms: ContractTerms,
  parties: Parties,
): Promise<string> {
  const { servers } = instance
  const known = await servers[parties.consumer.key]!.get<{ contracts: Listed[] }>('/contracts?state=ACTIVE')
  const held = known.contracts.find(
    ({ title, validUntil }) => title === terms.title && Date.parse(validUntil) > Date.now(),
  )
  if (held !== undefined) return `until ${held.validUntil}, since an earlier start`
  const asking = await logIn(instance, parties.consumer)
  const answering = await logIn(instance, parties.provider)
  try {
    const proposed = await propose(instance, terms, asking)
    // One member has one say.
    if (parties.provider !== parties.consumer) await agree(instance, proposed, answering)
    await approve(instance, { ...proposed, reason: terms.purpose })
    await Promise.all(
      Object.values(parties).map(({ key }) => servers[key]!.send('PUT', '/contracts/refresh')),
    )
    const names = [...asking, ...answering].map(({ name }) => name)
    return `agreed by ${names.join(', ')}; approved by the registry`
  } finally {
    await Promise.all([...asking, ...answering].map(({ person }) => person.close()))
  }
}

/** A contract that its consumer has agreed to, and that waits for the provider's people. */
export async function proposeOnly(instance: Instance, terms: ContractTerms, consumer: Agency): Promise<void> {
  const asking = await logIn(instance, consumer)
  try {
    await propose(instance, terms, asking)
  } finally {
    await Promise.all(asking.map(({ person }) => person.close()))
  }
}

/** The first proposes the terms, and both agree. */
async function propose(instance: Instance, terms: ContractTerms, two: Signatory[]): Promise<Proposed> {
  const [first] = two
  const member = memberOf(instance.layout, first!.agency)
  const proposed = await first!.person.send<Proposed>('POST', '/contracts', { terms, member })
  await agree(instance, proposed, two)
  return proposed
}

async function agree({ layout }: Instance, { contract, hash }: Proposed, two: Signatory[]): Promise<void> {
  for (const { agency, person } of two) {
    await person.send('PUT', '/contracts/refresh')
    const member = memberOf(layout, agency)
    await person.send('POST', `/contracts/${contract}/accept`, { contentHash: hash, member })
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
  { contract, hash, reason }: Proposed & { reason: string },
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
