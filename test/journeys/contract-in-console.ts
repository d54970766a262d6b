/**
 * The life of a contract as administrators see it in the registry's console, and what systems are answered meanwhile. The policy
 * requires a contract; two agencies propose and seal it, two administrators approve it; it is enforced, its end is announced, and
 * it ends.
 */
import type { Test } from 'tap'
import type { Visitor } from '../browser.ts'
import { act, close } from '../second-person.ts'
import { type Admin, colons, type World } from '../world.ts'

type Status = { contract: string; hash: string; state: string }
type People = { anna: Visitor; ben: Visitor }

const DAY_MS = 86_400_000
const REQUIRED = 'Exchanges need a contract'

export async function liveContract(t: Test, q: { world: World } & People): Promise<void> {
  const { world, anna, ben } = q
  const { population, tax } = world.servers
  const inDays = (days: number): string => new Date(Date.now() + days * DAY_MS).toISOString()
  /** The answer to the Tax Agency's system, once both servers have the present state. */
  const told = async (path = '/persons/P00000042'): Promise<string> => {
    for (const name of ['tax', 'population'] as const)
      await world.admin[name].send('PUT', '/contracts/refresh')
    const reply = await world.ask('tax', `/r1/${population.client}/persons${path}`)
    return reply.status === 200 ? 'answered' : (reply.json() as { type: string }).type
  }
  /** One administrator proposes, the other reads it and agrees. */
  const byTwo = async (at: string, button: string, fields: Record<string, string>, proposal: string) => {
    await anna.open(at)
    await act(anna, button, fields, 'Propose', 'it waits for a second administrator')
    await close(anna)
    await ben.open('/proposals?view=waiting')
    await ben.page.getByRole('link', { name: proposal }).first().click()
    await ben.page.getByText('your browser finds the same').waitFor()
    await act(ben, 'Approve', {}, 'Approve', 'Approved, and carried out.')
    await close(ben)
  }

  t.equal(await told(), 'answered', 'by its access rights alone')
  const policy = { [REQUIRED]: 'check', Reason: 'the act on data exchange' }
  await byTwo('/settings', 'Set the policy', policy, 'Set the policy on contracts')
  t.equal(await told(), 'client.contract_required')

  const terms = {
    title: 'Persons for taxation',
    provider: population.client,
    consumers: { subsystems: [tax.client] },
    services: [{ serviceCode: 'persons', endpoints: [{ method: 'GET', path: '/persons/*' }] }],
    purpose: 'Assessment of income tax',
    legalBasis: 'Tax Procedure Act, section 18',
    ...{ personalData: true, logLevel: 'full', retentionDays: 3650, critical: false, outageGraceHours: 0 },
    ...{ validFrom: inDays(-1), validUntil: inDays(20), reviewAt: inDays(10) },
    contacts: [{ member: tax.member, name: 'Contract desk', email: 'contracts@tax.example' }],
  }
  const proposed = await world.admin.tax.send<Status>('POST', '/contracts', { terms })
  t.equal(proposed.state, 'PROPOSED')
  const at = `/contracts/${proposed.contract}`
  await anna.open(at)
  await anna.page.getByText('For the seals of these members').waitFor()
  await anna.check('contract-proposed')
  for (const name of ['tax', 'population'] as const)
    for (const signatory of await signatories(world.admin[name])) {
      await world.admin[name].send('PUT', '/contracts/refresh')
      const member = colons(world.servers[name].member)
      await signatory.send('POST', `${at}/accept`, { contentHash: proposed.hash, member })
    }
  t.equal(await told(), 'client.contract_required', 'sealed is not approved')

  await ben.open('/')
  await ben.page.getByRole('link', { name: '1 service contract waits for approval.' }).waitFor()
  await byTwo(at, 'Approve', { Reason: 'the law says so' }, 'Approve a service contract')
  t.equal(await told(), 'answered')
  t.equal(await told('/persons'), 'client.contract_required', 'an endpoint that it does not name')

  await anna.open('/')
  await anna.page.getByText('1 service contract ends within 30 days.').waitFor()
  await anna.open(at)
  await anna.check('contract-in-force')

  const end = { 'Reason, for the parties': 'The law was repealed.', Reason: 'asked for by both' }
  const named = { ...end, 'Name, to confirm': terms.title }
  await byTwo(at, 'Terminate', named, 'Terminate a service contract')
  t.equal(await told(), 'client.contract_ended')
  await anna.open(at)
  t.match(
    await anna.page.locator('.timeline').first().textContent(),
    /approved, in force.*terminated|terminated.*approved, in force/s,
  )
  await anna.page.getByText('Proposed: Terminate a service contract').waitFor()
  await anna.check('contract-ended')
  await byTwo(
    '/settings',
    'Set the policy',
    { [REQUIRED]: 'uncheck', Reason: 'not all have contracts yet' },
    'Set the policy on contracts',
  )
  t.equal(await told(), 'answered')
}

/** Two people of an agency, each with a key that a third one made for them. */
async function signatories(admin: Admin): Promise<Admin[]> {
  const made: Admin[] = []
  for (const name of ['Director', 'Lawyer']) {
    const key = { name, roles: ['XROAD_CONTRACT_SIGNATORY'] }
    made.push(admin.withKey((await admin.send<{ secret: string }>('POST', '/api-keys', key)).secret))
  }
  return made
}
