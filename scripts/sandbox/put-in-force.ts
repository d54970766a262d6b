/**
 * How a contract of the sandbox comes into force: two people of each agency agree to it, the registry's
 * administrators approve it.
 */
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

/**
 * Several contracts, proposed in this order. Everybody logs in once for all of them, which takes longer than
 * to agree, and each server asks the registry once for what all of its partners did.
 */
export async function putAllInForce(
  instance: Instance,
  contracts: ({ terms: ContractTerms } & Parties)[],
): Promise<string[]> {
  const { layout, servers, installed } = instance
  const people = gather(instance)
  const refresh = async (keys: string[]): Promise<void> => {
    await Promise.all([...new Set(keys)].map((key) => servers[key]!.send('PUT', '/contracts/refresh')))
  }
  try {
    const said = new Map<object, string>()
    for (const one of contracts) {
      const until = await heldUntil(instance, one)
      if (until !== undefined) said.set(one, `until ${until}, since an earlier start`)
    }
    const open: Open[] = []
    for (const one of contracts.filter((one) => !said.has(one))) {
      const [asking, answering] = [await people.of(one.consumer), await people.of(one.provider)]
      open.push({ ...one, asking, answering, proposed: await propose(layout, one.terms, asking) })
      const names = [...asking, ...answering].map(({ name }) => name)
      said.set(one, `agreed by ${names.join(', ')}; approved by the registry`)
    }
    await refresh(open.map(({ consumer }) => consumer.key))
    for (const { proposed, asking } of open) await accept(layout, proposed, asking)
    // One member has one say.
    const others = open.filter(({ consumer, provider }) => provider !== consumer)
    await refresh(others.map(({ provider }) => provider.key))
    for (const { proposed, answering } of others) await accept(layout, proposed, answering)
    // A registry without administrators in person leaves it to the parties.
    for (const { proposed, terms } of installed ? open : [])
      await approve(await people.administrators(), proposed, terms.purpose)
    await refresh(open.flatMap(({ consumer, provider }) => [consumer.key, provider.key]))
    return contracts.map((one) => said.get(one)!)
  } finally {
    await people.leave()
  }
}

type Open = {
  terms: ContractTerms
  proposed: Proposed
  asking: Signatory[]
  answering: Signatory[]
} & Parties

/** The end of a contract of this title that holds. */
async function heldUntil(
  { servers }: Instance,
  { terms, consumer }: { terms: ContractTerms } & Parties,
): Promise<string | undefined> {
  const known = await servers[consumer.key]!.get<{ contracts: Listed[] }>('/contracts?state=ACTIVE')
  return known.contracts.find(
    ({ title, validUntil }) => title === terms.title && Date.parse(validUntil) > Date.now(),
  )?.validUntil
}

/** A contract that its consumer has agreed to, and that waits for the provider's people. */
export async function proposeOnly(instance: Instance, terms: ContractTerms, consumer: Agency): Promise<void> {
  const people = gather(instance)
  try {
    const two = await people.of(consumer)
    const proposed = await propose(instance.layout, terms, two)
    // Both are at one server, which learns of the proposal once.
    await instance.servers[consumer.key]!.send('PUT', '/contracts/refresh')
    await accept(instance.layout, proposed, two)
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

/** By the first of two. */
function propose(layout: Layout, terms: ContractTerms, [first]: Signatory[]): Promise<Proposed> {
  const member = memberOf(layout, first!.agency)
  return first!.person.send<Proposed>('POST', '/contracts', { terms, member })
}

/** By both, whose server knows of the proposal. */
async function accept(layout: Layout, { contract, hash }: Proposed, two: Signatory[]): Promise<void> {
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
