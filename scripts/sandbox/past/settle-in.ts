/** What the agencies of a living sandbox arrange before they work: people, services, contracts. */
import { incomesApi, insuredApi } from '../agencies/living-registers.ts'
import { agenciesOf, INCOME_SERVICE, INSURED_SERVICE } from '../layout.ts'
import { tellMandates } from '../mandates.ts'
import { invitedAt } from '../people.ts'
import { putAllInForce } from '../put-in-force.ts'
import type { Instance, Progress } from '../running.ts'
import { setUpBenefits, subscribeToBirths } from '../set-up-benefits.ts'
import { setUpConsents } from '../set-up-consents.ts'
import { setUpMandates } from '../set-up-mandates.ts'
import { setUpPortal } from '../set-up-portal.ts'
import { addService } from '../set-up-server.ts'
import { systemCertificate } from '../system-keys.ts'
import { livingContracts } from '../terms.ts'
import type { InstanceClock } from './instance-clock.ts'

export async function settleIn(instance: Instance, clock: InstanceClock, progress: Progress): Promise<void> {
  const { layout, servers } = instance
  const step = progress.begin('people, services and contracts')
  for (const agency of agenciesOf(layout))
    for (const what of ['operator', 'service administrator'] as const)
      for (const person of invitedAt(layout, agency, what))
        await servers[agency.key]!.send('POST', '/people', person)
  await offerServices(instance)
  const certificate = await systemCertificate(layout, `${layout.agencies.population.key}/system`, '')
  await setUpPortal({ servers, layout, certificate })
  await setUpBenefits({
    servers,
    layout,
    certificate: await systemCertificate(layout, `${layout.agencies.health!.key}/system`, ''),
  })
  await setUpConsents(servers, layout)
  await setUpMandates({ server: servers[layout.agencies.business.key]!, layout })
  const contracts = livingContracts(layout, clock.now())
  await putAllInForce(instance, contracts)
  await subscribeToBirths(servers, layout)
  await tellMandates(layout)
  step.done(`${contracts.length} contracts with purpose and legal basis`)
}

async function offerServices({ layout, servers }: Instance): Promise<void> {
  const { tax, health } = layout.agencies
  const { address, incomes, insured } = layout.systems
  await addService({
    ...{ server: servers[tax.key]!, layout, owner: tax, users: [health!] },
    ...{ serviceCode: INCOME_SERVICE, document: incomesApi, url: `http://${address}:${incomes}` },
    places: [{ method: 'GET', path: '/incomes/{code}', in: 'path', name: 'code' }],
  })
  await addService({
    ...{ server: servers[health!.key]!, layout, owner: health!, users: [tax] },
    ...{ serviceCode: INSURED_SERVICE, document: insuredApi, url: `http://${address}:${insured}` },
    places: [{ method: 'GET', path: '/insured/{code}', in: 'path', name: 'code' }],
  })
}
