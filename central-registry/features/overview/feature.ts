/** The first page of the console: counts, and what waits for a decision. */

import type { Database } from '#platform/database/open-database.ts'
import type { FeatureModule } from '#platform/feature.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import { endingHandlers } from './ending-soon.ts'
import { lastDayHandlers } from './last-day.ts'
import { overviewHandlers } from './routes.ts'
import { createOverviewStore } from './store.ts'

type Rooms = Parameters<typeof overviewHandlers>[0]
type EndingRooms = Parameters<typeof endingHandlers>[0]
type DayRooms = Parameters<typeof lastDayHandlers>[0]

type Ground = Pick<Rooms, 'servers' | 'clock'> & {
  apiKeys: EndingRooms['apiKeys']
  audit: DayRooms['audit']
  jobs: DayRooms['jobs']
  database: Database
  suspensions: { store: Rooms['suspensions'] }
  contracts: { reading: Rooms['contracts']; contacts: Rooms['contacts'] }
  countProposals(caller: Caller): Promise<number>
  countSubmitted(): Promise<number>
  installation: { isDone(): Promise<boolean>; reopenedUntil(now: string): Promise<string | undefined> }
  /** Without a login there is no ceremony. */
  settings: { login?: object | undefined }
  countUndelivered: Rooms['undelivered']
  undeliveredSince: DayRooms['undeliveredSince']
  countOpenImports: Rooms['openImports']
  countForks: Rooms['forks']
  isWitness: boolean
  backupSummary: Rooms['backups']
  restoration: { isClosed(): Promise<string | undefined> }
}

export const overview: FeatureModule<Ground> = {
  name: 'overview',
  open: ({ database, suspensions, contracts, installation, settings, ...ground }) => ({
    operations: {
      ...endingHandlers({ ...ground, store: createOverviewStore(database) }),
      ...lastDayHandlers({ ...ground, store: createOverviewStore(database) }),
      ...overviewHandlers({
        ...ground,
        ...{ store: createOverviewStore(database), suspensions: suspensions.store },
        ...{ contracts: contracts.reading, contacts: contracts.contacts },
        waiting: async (caller) => ({
          proposals: await ground.countProposals(caller),
          requests: await ground.countSubmitted(),
        }),
        installation: async (now) =>
          settings.login === undefined
            ? {}
            : { done: await installation.isDone(), reopenedUntil: await installation.reopenedUntil(now) },
        undelivered: ground.countUndelivered,
        openImports: ground.countOpenImports,
        backups: ground.backupSummary,
        forks: ground.countForks,
        isRestored: async () => (await ground.restoration.isClosed()) !== undefined,
      }),
    },
  }),
}
