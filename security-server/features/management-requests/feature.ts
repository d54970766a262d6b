/** Management requests at the central registry: files them with the required signatures and shows their state. */
import type { FeatureModule } from '#platform/feature.ts'
import type { GlobalConfiguration } from '../../global-configuration/global-configuration.ts'
import { createPostMessage } from '../../global-configuration/registration/client.ts'
import { createRegistrationClient } from './client.ts'
import { managementRequestHandlers } from './management-requests.ts'
import type { Needs } from './needs.ts'
import { createFileXRoadRegistration } from './x-road/file-registration.ts'

type Ground = Omit<Needs, 'registration' | 'isXRoads' | 'fileXRoadRegistration'> & {
  globalConfiguration: Pick<GlobalConfiguration, 'current'>
}

export const managementRequests: FeatureModule<Ground> = {
  name: 'management-requests',
  open: (ground) => {
    const { current } = ground.globalConfiguration
    const service = () => current().index.privateParameters?.managementService
    return {
      operations: managementRequestHandlers({
        ...ground,
        registration: createRegistrationClient(service),
        // A Concordat registry publishes a signed statement beside X-Road's part.
        isXRoads: () => current().statementIndex === undefined,
        fileXRoadRegistration: createFileXRoadRegistration({
          ...ground,
          provider: () => service()?.providerId,
          post: createPostMessage(service),
        }),
      }),
    }
  },
}
