/** What the consents of people work with; the list of features passes it in. */
import type { Clock } from '#platform/clock.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import type { ServerId } from '#schemas/identifiers.ts'
import type { KeptContract } from '../../global-configuration/contracts/verify-contract.ts'
import type { GlobalConfiguration } from '../../global-configuration/global-configuration.ts'
import type { LocalSystems } from '../../local-systems/local-systems.ts'
import type { PeerQuota } from '../../peer/peer-quota.ts'
import type { ConsentSource } from './own-source.ts'
import type { NameOf } from './people-names.ts'
import type { PreviewStore } from './previews/store.ts'
import type { RequestStore } from './requests-store.ts'
import type { PresentationSeals } from './seal-presentation.ts'
import type { ConsentSettings } from './settings.ts'
import type { ConsentStore } from './store.ts'
import type { ConsentTaking } from './take-consent.ts'

export type ConsentRooms = {
  server: ServerId
  clock: Clock
  settings: ConsentSettings
  /** The letters before personal codes in questions, which messages do not have. */
  countryPrefix: string
  store: ConsentStore
  requests: RequestStore
  nameOf: NameOf
  presentations: PresentationSeals
  previews: PreviewStore
  /** Of personal codes with requests. */
  codes: PresentationSeals
  /** Of answers that wait. */
  previewSeals: PresentationSeals
  taking: Pick<ConsentTaking, 'changed' | 'write'>
  /** Whether a second auditor agrees to what a caller sees of contents. */
  contentRequests: {
    isRequired: boolean
    targetOf(kind: 'index', record: number, caller: Caller, q: { case: string }): Promise<string>
    check(q: { target: string; case: string; caller: Caller }): Promise<void>
  }
  /** The consents that this server keeps, past what is held of them. */
  source: ConsentSource
  globalConfiguration: Pick<GlobalConfiguration, 'current' | 'currentWithin'>
  localSystems: LocalSystems
  quota: PeerQuota
  /** The versions of contracts that calls may go under now. */
  contracts(): Pick<KeptContract, 'content' | 'joined'>[]
  /**
   * All servers, in text form, that some version of a contract of this subsystem names as the keeper of its
   * consents.
   */
  keepersOf(subsystem: string): string[]
  /** Whether some version of a contract lets people see answers of this subsystem first. */
  showsFirst(subsystem: string): boolean
  count(answer: 'answered' | 'refused' | 'failed'): void
}
