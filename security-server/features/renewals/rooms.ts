/** What the steps of a renewal use. */
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import type { Clock } from '#platform/clock.ts'
import type { Log } from '#platform/logging/create-log.ts'
import type { ServerId } from '#schemas/identifiers.ts'
import type { RequestStatus } from '#schemas/management-request.ts'
import type { Keys } from '../../keys/keys.ts'
import type { AcmeHttp } from './acme/client.ts'
import type { Proof } from './acme/order-certificate.ts'
import type { FindAccount } from './settings.ts'
import type { RenewalStore } from './store.ts'

export type RenewalRooms = {
  server: ServerId
  /** The name of this node, whose keys `keys` has. */
  node: string
  /** Whether other nodes have the same keys. */
  sharesKeys: boolean
  /** The names of nodes that go on with what is theirs. */
  presentNodes(): Promise<ReadonlySet<string>>
  keys: Keys
  globalConfiguration: { current(): { index: ConfigurationIndex } }
  store: RenewalStore
  clock: Clock
  log: Log
  http: AcmeHttp
  /** How long one run looks at an order. */
  lookMs: number
  account: FindAccount
  proof: Proof
  /** After which share of its life a certificate is renewed, where its CA does not say when. */
  share: number
  /** For subjects, where neither the CA's profile nor the instance says it. */
  country?: string | undefined
  /**
   * Files the registration of an authentication certificate with the registry; returns the number of the
   * request.
   */
  registerCertificate(sha256: string, address: string): Promise<number>
  /** What this server filed; throws where the registry does not say it. */
  filedRequests(): Promise<RequestStatus[]>
}

export const iso = (ms: number): string => new Date(ms).toISOString()
