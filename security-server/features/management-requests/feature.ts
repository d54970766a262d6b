/**
 * Management requests at the central registry: files them with the required signatures and shows their state.
 */
import type { FeatureModule } from '#platform/feature.ts'
import type { Services } from '#platform/services.ts'
import type { RequestStatus } from '#schemas/management-request.ts'
import type { GlobalConfiguration } from '../../global-configuration/global-configuration.ts'
import { createPostMessage } from '../../global-configuration/registration/client.ts'
import { createRegistrationClient, type RegistrationClient } from './client.ts'
import { createFiledRequests } from './filed-requests.ts'
import { managementRequestHandlers } from './management-requests.ts'
import type { Needs } from './needs.ts'
import { createRegisterCertificate } from './register-certificate.ts'
import { rememberStates } from './remember-states.ts'
import { settleRequests } from './settle-requests.ts'
import { createFileXRoadRequest } from './x-road/file-request.ts'
import { createSendAsOwner, type SendForOperator } from './x-road/send-as-owner.ts'

type Ground = Omit<Needs, 'registration' | 'isXRoads' | 'fileXRoadRequest'> & {
  globalConfiguration: Pick<GlobalConfiguration, 'current'>
  sendForOperator: SendForOperator
} & Pick<Services, 'log'>

type Offers = {
  /**
   * What this server filed. Throws when it cannot sign, and when the registry does not answer or is X-Road's.
   */
  filedRequests(): Promise<RequestStatus[]>
  /**
   * Files the registration of an authentication certificate of this server and returns its number. Throws as
   * `registerCertificate` of the API.
   */
  registerOwnCertificate(sha256: string, address: string): Promise<number>
}

export const managementRequests: FeatureModule<Ground, Offers> = {
  name: 'management-requests',
  open: (ground) => {
    const { current } = ground.globalConfiguration
    const service = () => current().index.privateParameters?.managementService
    const rooms: Needs & Pick<Services, 'log'> = {
      ...ground,
      registration: forgetting(createRegistrationClient(service), () => remembered.forget()),
      // A Concordat registry publishes a signed statement beside X-Road's part.
      isXRoads: () => current().statementIndex === undefined,
      fileXRoadRequest: createFileXRoadRequest({
        ...ground,
        provider: () => service()?.providerId,
        post: createPostMessage(service),
        exchange: createSendAsOwner(ground.sendForOperator),
      }),
    }
    const remembered = rememberStates(ground.clock, createFiledRequests(rooms))
    const register = createRegisterCertificate(rooms)
    return {
      operations: managementRequestHandlers(rooms, remembered),
      jobs: [settleRequests(rooms)],
      offers: {
        filedRequests: createFiledRequests(rooms),
        registerOwnCertificate: async (sha256, address) => (await register(sha256, address)).request,
      },
    }
  },
}

/** `forget` is called when the registry has heard of a request, also when its answer is lost. */
function forgetting({ file, states, revoke }: RegistrationClient, forget: () => void): RegistrationClient {
  return {
    states,
    file: (document) => file(document).finally(forget),
    revoke: (document) => revoke(document).finally(forget),
  }
}
