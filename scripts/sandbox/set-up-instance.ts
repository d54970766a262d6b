/**
 * What is done once with a new instance whose processes run: keys, certificates, registrations, services,
 * access rights.
 */
import { type Approve, admitByRequest, approveByKey, approveByTwo } from './admit-by-request.ts'
import { POPULATION_WSDL } from './agencies/population-wsdl.ts'
import type { Api } from './client.ts'
import { type Administrators, installRegistry, inviteReaders } from './install-registry.ts'
import { type Agency, agenciesOf, folderOf, type Layout, SERVER_PORTS } from './layout.ts'
import { invitedAt, peopleOf } from './people.ts'
import type { Progress } from './running.ts'
import {
  refreshServer,
  registerByHand,
  setUpAdapter,
  setUpClient,
  setUpInbox,
  setUpRoom,
  setUpServer,
  setUpService,
  setUpSoapServices,
} from './set-up-server.ts'

export async function setUpInstance(q: {
  layout: Layout
  registry: Api
  servers: Record<string, Api>
  systems: Record<string, Buffer>
  progress: Progress
  /**
   * The persons who install the registry after the operator's set-up; undefined when there is no ceremony.
   */
  arriving: Promise<Administrators> | undefined
}): Promise<void> {
  const { layout, registry, servers } = q
  const step = q.progress.begin('keys, certificates, registrations, access rights')
  await registry.send('POST', '/configuration/publish')
  const anchor = await registry.getBytes('/configuration/anchors/internal')
  const prepare = async (agency: Agency): Promise<{ sha256: string; pem: Buffer }> => {
    const server = servers[agency.key]!
    const certificate = await setUpServer({ server, anchor, layout, agency })
    await setUpClient({ server, layout, agency, certificate: q.systems[agency.key]! })
    for (const person of invitedAt(layout, agency, 'auditor')) await server.send('POST', '/people', person)
    return certificate
  }
  const { business } = layout.agencies
  const [joining] = await Promise.all([
    prepare(business),
    ...agenciesOf(layout)
      .filter((agency) => agency !== business)
      .map(async (agency) => {
        const { pem } = await prepare(agency)
        await registerByHand({ registry, layout, agency, certificate: pem })
      }),
  ])
  const admit = async (approve: Approve, by: string): Promise<void> => {
    const step = q.progress.begin(`admission of the ${business.name}`)
    const server = servers[business.key]!
    step.done(
      `${await admitByRequest({ server, layout, agency: business, certificate: joining.sha256, approve })}, ${by}`,
    )
  }
  if (q.arriving === undefined) await admit(approveByKey(registry), 'the operator approved both')
  else await withAdministrators(await q.arriving, layout, q.progress, admit)
  await setUpService({ server: servers[layout.agencies.population.key]!, layout })
  await setUpSoapServices({
    server: servers[layout.agencies.population.key]!,
    layout,
    document: POPULATION_WSDL,
    url: `http://${layout.systems.address}:${layout.systems.populationRegister}/soap`,
  })
  await setUpInbox({ server: servers[layout.agencies.population.key]!, layout })
  await setUpRoom({ servers, layout })
  await setUpAdapter({
    server: servers[business.key]!,
    layout,
    url: `http://${business.address}:${SERVER_PORTS.admin}`,
    keyFile: folderOf(layout, `${business.key}/api-key`),
  })
  await registry.send('POST', '/configuration/publish')
  await Promise.all(Object.values(servers).map(refreshServer))
  step.done()
}

/** The operator has set up everything that comes before the ceremony; from here on two persons are needed. */
async function withAdministrators(
  two: Administrators,
  layout: Layout,
  progress: Progress,
  admit: (approve: Approve, by: string) => Promise<void>,
): Promise<void> {
  try {
    const step = progress.begin('installation ceremony')
    await installRegistry(two, layout)
    const [anna, ben] = peopleOf(layout)
    step.done(
      `${anna!.name} and ${ben!.name} redeemed the two codes; what trust hangs on takes both from now on`,
    )
    await admit(approveByTwo(two), `${anna!.name} proposed to approve both, ${ben!.name} agreed`)
    await inviteReaders(two, layout)
  } finally {
    await Promise.all(two.map((one) => one.close()))
  }
}
