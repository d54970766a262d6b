/** What the consumer half works with; main.ts puts it together. */
import type { Clock } from '#platform/clock.ts'
import type { ServerId } from '#schemas/identifiers.ts'
import type { Contracts } from '../global-configuration/contracts/contracts.ts'
import type { GlobalConfiguration } from '../global-configuration/global-configuration.ts'
import type { Keys } from '../keys/keys.ts'
import type { LocalSystems } from '../local-systems/local-systems.ts'
import type { ReadLimits } from '../message/codec.ts'
import type { PeerClient } from '../peer/client.ts'
import type { EndOfCourse, Tracing } from '../peer/course.ts'
import type { PathLog } from '../peer/message-log.ts'
import type { SignMessage } from '../peer/sign-message.ts'
import type { VerifyMessage } from '../peer/verify-message.ts'
import type { UsedUpQuotas } from './used-up-quotas.ts'

export type ConsumerRooms = {
  server: ServerId
  clock: Clock
  limits: ReadLimits
  globalConfiguration: Pick<GlobalConfiguration, 'current' | 'currentWithin' | 'hear'>
  contracts: Pick<Contracts, 'contractFor'>
  hostingMandateFor: Contracts['hostingMandateFor']
  usedUpQuotas: UsedUpQuotas
  localSystems: LocalSystems
  messageLog: PathLog
  signMessage: SignMessage
  verifyMessage: VerifyMessage
  peerClient: Pick<PeerClient, 'post' | 'close'>
  /** Puts down the tree head that a verified reply carried, to be looked at later; never throws. */
  heardTreeHead(peer: ServerId, treeHead: string | undefined): void
  endOfCourse: EndOfCourse
  tracing: Tracing
  /** Our authentication certificate's OCSP responses go with every request (pr-messtransp). */
  authenticationIdentity: Keys['authenticationIdentity']
}
