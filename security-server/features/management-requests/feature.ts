/** Management requests at the central registry: files them with the required signatures and shows their state. */
import type { FeatureModule } from '#platform/feature.ts'
import type { GlobalConfiguration } from '../../global-configuration/global-configuration.ts'
import { createRegistrationClient } from './client.ts'
import { managementRequestHandlers } from './management-requests.ts'
import type { Needs } from './needs.ts'

type Ground = Omit<Needs, 'registration'> & { globalConfiguration: Pick<GlobalConfiguration, 'current'> }

export const managementRequests: FeatureModule<Ground> = {
  name: 'management-requests',
  open: (ground) => {
    const registration = createRegistrationClient(
      () => ground.globalConfiguration.current().index.privateParameters?.managementService,
    )
    return { operations: managementRequestHandlers({ ...ground, registration }) }
  },
}
