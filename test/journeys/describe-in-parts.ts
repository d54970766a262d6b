/**
 * A SOAP service whose WSDL imports its types: added by its address, then a wrong message is refused and a
 * right one passes.
 */
import type { Test } from 'tap'
import type { Behaviour, ProviderSystem } from '../fakes/provider-system.ts'
import { envelope } from '../fakes/soap-service.ts'
import { partsOfWsdl, wsdlInParts } from '../fakes/wsdl-in-parts.ts'
import { colons, type Reply, type World } from '../world.ts'

type Described = { id: number; parts: object[]; services: { id: number }[] }

/** `answers` is how the system answers calls; it publishes its WSDL, too. */
export async function describeInParts(
  t: Test,
  q: { world: World; system: ProviderSystem; answers: Behaviour; send: (text: string) => Promise<Reply> },
): Promise<void> {
  const { tax, population } = q.world.servers
  const admin = q.world.admin.population
  const at = `${q.system.url}/ws`
  const documents = { [`${at}?wsdl`]: wsdlInParts(at, `${q.system.url}/soap`), ...partsOfWsdl(at) }
  q.system.answer((call, response) => {
    if (call.method !== 'GET') q.answers(call, response)
    else response.end(documents[`${q.system.url}${call.target}`])
  })
  const added = await admin.send<Described>(
    'POST',
    `/clients/${colons(population.client)}/service-descriptions`,
    {
      ...{ type: 'WSDL', documentUrl: `${at}?wsdl` },
    },
  )
  t.equal(added.parts.length, 4)
  const service = `/services/${added.services[0]!.id}`
  const right = { subjectType: 'SUBSYSTEM', subjectId: colons(tax.client) }
  await admin.send('POST', `${service}/access-rights`, right)
  await admin.send('PATCH', service, { validate: 'ALL' })
  await admin.send('PUT', `/service-descriptions/${added.id}/enable`)

  const call = (id: string, content: string): Promise<Reply> =>
    q.send(envelope({ from: tax, to: population, code: 'lookUp', id, content }))
  const passed = await call('parts-1', '<code>39001010000</code><why>known</why>')
  t.match(passed.body.toString(), /lookUpResponse.*39001010000/s)
  const calls = q.system.calls.length
  const refused = await call('parts-2', '<code>3900101</code>')
  t.match(refused.body.toString(), /not_as_described.*\/lookUp\/code: facet pattern/s)
  const long = await call('parts-3', '<code>39001010000</code><why>much too long</why>')
  t.match(long.body.toString(), /not_as_described.*\/lookUp\/why: facet maxLength/s, 'by an included schema')
  t.equal(q.system.calls.length, calls, 'the system hears of neither')
  t.notMatch((await admin.bytes(`/service-descriptions/${added.id}/document`)).toString(), /schemaLocation/)
}
