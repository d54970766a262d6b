/** Management requests at the central registry: files them with the required signatures and shows their state. */
import type { FeatureModule } from '#platform/feature.ts'
import type { GlobalConfiguration } from '../../global-configuration/global-configuration.ts'
import { createPostMessage } from '../../global-configuration/registration/client.ts'
import { createRegistrationClient } from './client.ts'
import { managementRequestHandlers } from './management-requests.ts'
import type { Needs } from './needs.ts'
import { createFileXRoadRequest } from './x-road/file-request.ts'
import { createSendAsOwner, type SendForOperator } from './x-road/send-as-owner.ts'

type Ground = Omit<Needs, 'registration' | 'isXRoads' | 'fileXRoadRequest'> & {
  globalConfiguration: Pick<GlobalConfiguration, 'current'>
  sendForOperator: SendForOperator
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
        fileXRoadRequest: createFileXRoadRequest({
          ...ground,
          provider: () => service()?.providerId,
          post: createPostMessage(service),
          exchange: createSendAsOwner(ground.sendForOperator),
        }),
      }),
    }
  },
}
