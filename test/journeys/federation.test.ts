/**
 * Two instances over real processes: each registry trusts the other's external anchor, and an agency of one asks the population register
 * of the other; nothing goes through before, nor after the trust was taken back.
 */
import t from 'tap'
import { colons, startWorld, type World } from '../world.ts'

const [here, there] = await Promise.all([startWorld(), startWorld({ instance: 'SE' })])
t.teardown(() => Promise.all([here.stop(), there.stop()]))
const { tax } = here.servers
const { population } = there.servers
const PERSON = `/r1/${population.client}/persons/persons/P00000042`

type Anchor = { sha256: string; hash: string; state: string; instance: string }

const anchors = new Map<World, Anchor>()
async function federate(one: World, other: World): Promise<void> {
  const anchor = await other.registryAdmin.bytes('/configuration/anchors/external')
  const examined = await one.registryAdmin.send<Anchor>('POST', '/external-anchors', anchor)
  t.match(examined, { state: 'EXAMINED', instance: other.instance })
  await one.registryAdmin.send('POST', `/external-anchors/${examined.sha256}/trust`)
  await one.publish()
  anchors.set(one, examined)
}

const typeFor = async (): Promise<string> => {
  const reply = await here.ask('tax', PERSON)
  return reply.status === 200 ? 'answered' : (reply.json() as { type: string }).type
}

t.test('strangers', async (t) => {
  t.equal(await typeFor(), 'client.unknown_member')
})

t.test('both registries trust each other, and the provider allows it', async (t) => {
  await federate(here, there)
  t.match(await typeFor(), /unknown|ssl|peer|network|connection/, 'one-sided trust is none')
  await federate(there, here)
  t.match(await typeFor(), 'server.serverproxy.access_denied', 'known, and not allowed')
  const [service] = await there.admin.population.get<{ services: { id: string }[] }[]>(
    `/clients/${colons(population.client)}/service-descriptions`,
  )
  await there.admin.population.send('POST', `/services/${service!.services[0]!.id}/access-rights`, {
    subjectType: 'SUBSYSTEM',
    subjectId: colons(tax.client),
  })
  const reply = await here.ask('tax', PERSON)
  t.equal(reply.status, 200)
  t.match(reply.json(), { code: 'P00000042' })
})

t.test('a restart goes on with what was kept; the anchor removed ends it', async (t) => {
  const { sha256 } = anchors.get(here)!
  const { items } = await here.admin.tax.get<{ items: { name: string; state: string }[] }>('/diagnostics')
  t.match(
    items.find(({ name }) => name === 'federation SE'),
    { state: 'OK' },
  )
  await here.registryAdmin.send('DELETE', `/external-anchors/${sha256}`)
  await here.publish()
  t.equal(await typeFor(), 'client.unknown_member')
  const again = await here.registryAdmin.call('POST', `/external-anchors/${sha256}/trust`)
  t.equal(again.status, 409, 'it has to be examined again')
})
