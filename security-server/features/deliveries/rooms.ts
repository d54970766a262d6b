/** What deliveries work with; the list of features passes it in. */
import type { FastifyRequest } from 'fastify'
import type { HeaderList } from '#core/transport/header-list.ts'
import type { Clock } from '#platform/clock.ts'
import type { Jobs } from '#platform/jobs/create-jobs.ts'
import type { Log } from '#platform/logging/create-log.ts'
import type { ClientId, ServerId } from '#schemas/identifiers.ts'
import type { GlobalConfiguration } from '../../global-configuration/global-configuration.ts'
import type { LocalService, LocalSystems } from '../../local-systems/local-systems.ts'
import type { Content, Taker } from '../../message/body.ts'
import type { Answer, Request, SystemAnswer } from '../../message/message.ts'
import type { MessageLog } from '../../message-log/message-log.ts'
import type { SignMessage } from '../../peer/sign-message.ts'
import type { TermsOnRecord } from '../../peer/terms-on-record.ts'
import type { VerifyMessage } from '../../peer/verify-message.ts'
import type { LogReads } from '../../reading/log-reads.ts'
import type { BoxStore } from './box-store.ts'
import type { ContentKeys } from './content-keys.ts'
import type { ErasedRequests } from './erased-requests-store.ts'
import type { InboxReceipts } from './inbox-receipts-store.ts'
import type { Names } from './names.ts'
import type { ReceiptsAgain } from './receipts-again-store.ts'
import type { RouteStore } from './route-store.ts'
import type { DeliverySettings } from './settings.ts'

/** One call of one of our own systems; what fails before it was reached carries the mark NotSent. */
type ServiceClient = {
  call(q: {
    service: LocalService
    method: string
    target: string
    headers: HeaderList
    body: Content | undefined
    take(): Taker<Pick<SystemAnswer, 'message' | 'body'>>
  }): Promise<Pick<SystemAnswer, 'status'>>
}

type HandedOver = { method: 'GET' | 'POST'; url: string; rawHeaders: string[]; body?: Buffer }

/** The consumer's half of exchanges, for what was handed over before. */
type ClientDoor = {
  authenticate(request: FastifyRequest, client: ClientId): void
  check(q: HandedOver): Promise<{ request: Request; terms: TermsOnRecord }>
  carry(q: HandedOver): Promise<Answer & { facts: { index: number } }>
}

export type DeliveryRooms = {
  server: ServerId
  /** The name of this process on the database. */
  node: string
  clock: Clock
  log: Log
  jobs: Pick<Jobs, 'call' | 'onCall'>
  settings: DeliverySettings
  door: ClientDoor
  globalConfiguration: Pick<GlobalConfiguration, 'current'>
  localSystems: Pick<LocalSystems, 'service' | 'view'>
  /** Calls systems of our own, for what is pushed. */
  serviceClient: ServiceClient
  messageLog: Pick<MessageLog, 'append'> & Pick<LogReads, 'read' | 'list'>
  signMessage: SignMessage
  verifyMessage: VerifyMessage
  keys: ContentKeys
  names: Names
  outbox: BoxStore<'outbox'>
  inbox: BoxStore<'inbox'>
  routes: RouteStore
  inboxReceipts: InboxReceipts
  receiptsAgain: ReceiptsAgain
  erasedRequests: ErasedRequests
}

export function iso(ms: number): string {
  return new Date(ms).toISOString()
}
