/** What the provider half works with; main.ts puts it together. */
import type { Clock } from '#platform/clock.ts'
import type { ServerId } from '#schemas/identifiers.ts'
import type { Contracts } from '../global-configuration/contracts/contracts.ts'
import type { GlobalConfiguration } from '../global-configuration/global-configuration.ts'
import type { Keys } from '../keys/keys.ts'
import type { LocalSystems } from '../local-systems/local-systems.ts'
import type { MessageValidator } from '../local-systems/validation/validate-messages.ts'
import type { createReadingBound } from '../message/being-read.ts'
import type { ReadLimits } from '../message/codec.ts'
import type { Consents } from '../peer/consents.ts'
import type { EndOfCourse, Tracing } from '../peer/course.ts'
import type { ConsentService, Inbox, Room, Tracker } from '../peer/inbox.ts'
import type { PathLog } from '../peer/message-log.ts'
import type { MonitoringServices } from '../peer/monitoring.ts'
import type { PeerQuota } from '../peer/peer-quota.ts'
import type { Previews } from '../peer/previews.ts'
import type { SignMessage } from '../peer/sign-message.ts'
import type { XRoadTlsPeers } from '../peer/tls-profile.ts'
import type { VerifyMessage } from '../peer/verify-message.ts'
import type { VerifyPeer } from '../peer/verify-peer.ts'
import type { ServiceClient } from './client.ts'
import type { ContractQuotas } from './contract-quotas/contract-quotas.ts'
import type { MandateServices } from './mandate-services/mandate-services.ts'
import type { ServicePlaces } from './service-places.ts'

export type ProviderRooms = {
  server: ServerId
  clock: Clock
  limits: ReadLimits
  globalConfiguration: Pick<GlobalConfiguration, 'current' | 'currentWithin' | 'hear'>
  contracts: Pick<Contracts, 'contractFor' | 'termsOfRefused'>
  hostingMandateFor: Contracts['hostingMandateFor']
  mandateServices: Pick<MandateServices, 'ask'>
  localSystems: LocalSystems
  messageLog: PathLog
  keys: Pick<Keys, 'signingIdentity'>
  signMessage: SignMessage
  verifyMessage: VerifyMessage
  verifyPeer: VerifyPeer
  xroadTlsPeers: XRoadTlsPeers
  quota: PeerQuota
  /** Of the certificate that a peer presented, before its quota counts. */
  beginReading: ReturnType<typeof createReadingBound>
  contractQuotas: Pick<ContractQuotas, 'take'>
  servicePlaces: Pick<ServicePlaces, 'enter'>
  messageValidator: Pick<MessageValidator, 'judge'>
  serviceClient: ServiceClient
  monitoring: MonitoringServices
  endOfCourse: EndOfCourse
  tracing: Tracing
  inbox: Inbox
  room: Room
  tracker: Tracker
  consents: Consents
  consentService: ConsentService
  previews: Previews
}
