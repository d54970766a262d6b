/** Emergency suspensions: their rows, the signed list that servers fetch, and notices to those concerned. */
import type { Within } from '#platform/database/open-database.ts'
import type { FeatureModule } from '#platform/feature.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import type { PeopleStore } from '#platform/people/store.ts'
import type { Services } from '#platform/services.ts'
import { createChange } from '../../changes/store.ts'
import type { HighWater } from '../../configuration/high-water.ts'
import type { PrivateKeys } from '../../configuration/signing-keys/private-keys.ts'
import { announceContract } from '../../contract-versions/announce.ts'
import type { Notify } from '../../contract-versions/move-version-store.ts'
import { createSuspendableContracts } from '../../contract-versions/suspendable.ts'
import type { MemberStore } from '../../members/store.ts'
import { postNotice } from '../../members/webhooks/client.ts'
import { createEscalation, ESCALATE, ESCALATE_SECONDS } from './escalate.ts'
import { announceWhatLeaves, createSuspensionPolicyStore } from './policy-store.ts'
import { suspensionRoutes } from './public-routes.ts'
import {
  announceSuspensions,
  createSuspensionListPublisher,
  RENEW_LIST,
  RENEW_LIST_SECONDS,
} from './publish-list.ts'
import { suspensionHandlers } from './routes.ts'
import { describe, mayConfirm } from './rules.ts'
import { createSuspensionStore, type SuspensionStore, type TellOfSuspension } from './store.ts'
import { suspendUntold } from './suspend-untold.ts'
import { listHealth, watchSuspensions } from './watch.ts'

type Ground = Pick<Services, 'database' | 'jobs' | 'audit' | 'metrics' | 'clock' | 'log'> & {
  settings: {
    configuration: { suspensionListSeconds: number }
    suspensions?: { webhook: string } | undefined
  }
  members: Pick<MemberStore, 'parameters'>
  privateKeys: Pick<PrivateKeys, 'open' | 'ready'>
  /** The mark of the list's number. */
  listHighWater: HighWater
  /** Asks for a publication, within the transaction of a change. */
  announce(transaction: Within): Promise<void>
  /** Notifies those concerned by e-mail, within the transaction. */
  letters: { suspension: TellOfSuspension; contract: Notify } | undefined
  /** Writes to this node's folder who is suspended and what is trusted now. */
  memory: { remember(): Promise<void> }
  people: Pick<PeopleStore, 'find'>
  fourEyes(): Promise<boolean>
  makerOf(key: string): Promise<string | null>
}

type Offers = {
  suspensions: {
    store: SuspensionStore
    /**
     * For code that changes the content of the list: has it signed anew as soon as the change is committed.
     */
    announce: ReturnType<typeof announceSuspensions>
    /** Signs the list when there is none, or the newest was not renewed in time. */
    ensureList(): Promise<unknown>
    /** The newest suspension of a contract as this caller sees it. */
    ofContract(contract: string, caller: Caller): Promise<ReturnType<typeof describe> | undefined>
    suspendUntold: typeof suspendUntold
  }
}

export const suspensions: FeatureModule<Ground, Offers> = {
  name: 'suspensions',
  open: (ground) => {
    const { database, jobs, settings, letters, clock } = ground
    const announceList = announceSuspensions(jobs)
    const announceLeaving = announceWhatLeaves(ground.announce)
    const announce = async (within: Within): Promise<void> => {
      await announceList(within)
      await announceLeaving(within)
    }
    const store = createSuspensionStore(database, createChange(database, announce), {
      contracts: createSuspendableContracts(announceContract(jobs, clock, letters?.contract)),
      tell: letters?.suspension ?? (async () => undefined),
    })
    const record = createChange(database, async () => undefined)
    const list = createSuspensionListPublisher({
      ...{ ...ground, store, now: () => new Date(clock()) },
      highWater: ground.listHighWater,
      remember: ground.memory.remember,
      suspensionListSeconds: settings.configuration.suspensionListSeconds,
    })
    watchSuspensions({ ...ground, store })
    return {
      operations: suspensionHandlers({
        ...{ ...ground, store, policy: createSuspensionPolicyStore(database, record, ground.announce) },
      }),
      routes: { public: (app) => suspensionRoutes(app, store) },
      jobs: [
        {
          ...{ kind: RENEW_LIST, everySeconds: RENEW_LIST_SECONDS, immediately: true },
          run: async () => void (await list.renew()),
        },
        {
          ...{ kind: ESCALATE, everySeconds: ESCALATE_SECONDS },
          run: createEscalation({
            ...{ ...ground, store, post: postNotice, webhook: settings.suspensions?.webhook },
          }),
        },
      ],
      health: { 'suspension-list': listHealth(store, clock) },
      offers: {
        suspensions: {
          ...{ store, announce, ensureList: list.ensure, suspendUntold },
          async ofContract(contract, caller) {
            const row = await store.ofContract(contract)
            const fourEyes = await ground.fourEyes()
            return row === undefined ? undefined : describe(row, mayConfirm(row, caller, fourEyes))
          },
        },
      },
    }
  },
}
