/**
 * What the Business Agency's operators do once for the register of mandates: a service, and who may ask it.
 */
import { describeAdapter, readSettings } from '#adapters/kit/serve-adapter.ts'
import { serviceUrl } from '#adapters/kit/settings.ts'
import { mandatesAdapter } from '#adapters/mandates/adapter.ts'
import type { Api } from './client.ts'
import { encoded, type Layout, subsystemText } from './layout.ts'
import { encodedAskers, mandateSettings } from './mandates.ts'

export async function setUpMandates({ server, layout }: { server: Api; layout: Layout }): Promise<void> {
  const { business } = layout.agencies
  const client = encoded(subsystemText(layout, business))
  const settings = await readSettings(mandatesAdapter, mandateSettings(layout), {})
  const { id, services } = await server.send<{ id: number; services: { id: number }[] }>(
    'POST',
    `/clients/${client}/service-descriptions`,
    {
      ...{ type: 'OPENAPI', serviceCode: settings.service.code, url: serviceUrl(settings) },
      document: JSON.stringify(await describeAdapter(mandatesAdapter, settings)),
    },
  )
  for (const subjectId of [...encodedAskers(layout), client])
    await server.send('POST', `/services/${services[0]!.id}/access-rights`, {
      subjectType: 'SUBSYSTEM',
      subjectId,
    })
  await server.send('PUT', `/service-descriptions/${id}/enable`)
}
