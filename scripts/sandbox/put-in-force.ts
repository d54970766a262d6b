/** How a contract of the sandbox comes into force: two people of each agency agree to it, the registry's administrators approve it. */
import type { ContractTerms } from '#schemas/contract.ts'
import { type Administrator, byTwo, openAdministrator } from './administrator.ts'
import { type Administrators, arrive } from './install-registry.ts'
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
  const [said] = await putAllInForce(instance, [{ terms, ...parties }])
  return said!
}

/** Several contracts, in this order. Everybody logs in once for all of them, which takes longer than to agree. */
export async function putAllInForce(
  instance: Instance,
  contracts: ({ terms: ContractTerms } & Parties)[],
): Promise<string[]> {
  const people = gather(instance)
  try {
    const said: string[] = []
    for (const { terms, ...parties } of contracts)
      said.push(await putOneInForce(instance, people, terms, parties))
    return said
  } finally {
    await people.leave()
  }
}

async function putOneInForce(
  instance: Instance,
  people: People,
  terms: ContractTerms,
  parties: Parties,
): Promise<string> {
  const { servers } = instance
  const known = await servers[parties.consumer.key]!.get<{ contracts: Listed[] }>('/contracts?state=ACTIVE')
  const held = known.contracts.find(
    ({ title, validUntil }) => title === terms.title && Date.parse(validUntil) > Date.now(),
  )
  if (held !== undefined) return `until ${held.validUntil}, since an earlier start`
  const [asking, answering] = await Promise.all([people.of(parties.consumer), people.of(parties.provider)])
  const proposed = await propose(instance, terms, asking)
  // One member has one say.
  if (parties.provider !== parties.consumer) await agree(instance, proposed, answering)
  // A registry without administrators in person leaves it to the parties.
  if (instance.installed) await approve(await people.administrators(), proposed, terms.purpose)
  await Promise.all(Object.values(parties).map(({ key }) => servers[key]!.send('PUT', '/contracts/refresh')))
  const names = [...asking, ...answering].map(({ name }) => name)
  return `agreed by ${names.join(', ')}; approved by the registry`
}

/** A contract that its consumer has agreed to, and that waits for the provider's people. */
export async function proposeOnly(instance: Instance, terms: ContractTerms, consumer: Agency): Promise<void> {
  const people = gather(instance)
  try {
    await propose(instance, terms, await people.of(consumer))
  } finally {
    await people.leave()
  }
}

type People = {
  /** The two who sign for an agency. */
  of(agency: Agency): Promise<Signatory[]>
  administrators(): Promise<Administrators>
  leave(): Promise<void>
}

/** Who is needed logs in when they are needed first. */
function gather(instance: Instance): People {
  const signatories = new Map<string, Promise<Signatory[]>>()
  let administrators: Promise<Administrators> | undefined
  return {
    of(agency) {
      const two = signatories.get(agency.key) ?? logIn(instance, agency)
      signatories.set(agency.key, two)
      return two
    },
    administrators: () => (administrators ??= arrive(instance.layout)),
    async leave() {
      const signing = (await Promise.allSettled(signatories.values())).flatMap((one) =>
        one.status === 'fulfilled' ? one.value.map(({ person }) => person) : [],
      )
      const approving = (await administrators?.catch(() => undefined)) ?? []
      await Promise.all([...signing, ...approving].map((person) => person.close()))
    },
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
  // Both are at one server, which learns of the proposal once.
  await two[0]!.person.send('PUT', '/contracts/refresh')
  for (const { agency, person } of two) {
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
      const person = openAdministrator(serverUrl(layout, agency), who, `${layout.people}${at + 1}`)
      await person.login()
      return { agency, name: who.name, person }
    }),
  )
}

async function approve(two: Administrators, { contract, hash }: Proposed, reason: string): Promise<void> {
  const path = `/contracts/${contract}/approve`
  await byTwo(two, { method: 'POST', path, body: { contentHash: hash }, reason })
}

function memberOf({ instance, memberClass }: Layout, { memberCode }: Agency): string {
  return encoded(`${instance}/${memberClass}/${memberCode}`)
}
