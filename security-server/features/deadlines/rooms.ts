/** What letters ahead of what ends work with; the list of features passes it in. */
import type { Clock } from '#platform/clock.ts'
import type { Log } from '#platform/logging/create-log.ts'
import type { SendMail } from '#platform/mail/client.ts'
import type { ServerId } from '#schemas/identifiers.ts'
import type { Time } from '#schemas/sent-values.ts'
import type { Contracts } from '../../global-configuration/contracts/contracts.ts'
import type { GlobalConfiguration } from '../../global-configuration/global-configuration.ts'
import type { Keys } from '../../keys/keys.ts'
import type { LocalSystems } from '../../local-systems/local-systems.ts'
import type { DeadlineSettings } from './settings.ts'
import type { DeadlineStore } from './store.ts'

/**
 * Of backups that the server makes itself: since when there are any, the newest that was made, since when any
 * is read back, and the newest that was, whole.
 */
type BackupAges = {
  since: string
  madeAt: Time | undefined
  triedAt: Time | undefined
  provenAt: Time | undefined
}

export type DeadlineRooms = {
  server: ServerId
  /** The name of this node, whose keys `keys` has. */
  node: string
  keys: Pick<Keys, 'tokens' | 'internalTls'>
  contracts: Pick<Contracts, 'view'>
  localSystems: Pick<LocalSystems, 'view'>
  /** Without one nothing is known of certificates. */
  globalConfiguration: Pick<GlobalConfiguration, 'currentWithin'>
  clock: Clock
  log: Log
  /** Undefined while the settings name no folder for backups, and before the first try. */
  backupAges(): Promise<BackupAges | undefined>
  /**
   * Whether a certificate renews itself: why it is late, where it is; undefined for one that people renew.
   */
  renewalOf(sha256: string): Promise<{ overdue: string | undefined } | undefined>
}

export type LetterRooms = DeadlineRooms & {
  settings: DeadlineSettings
  /** Where the pages are. */
  console: string
  store: DeadlineStore
  send: SendMail
}
