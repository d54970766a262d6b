/** Opens complaints as a part of the tracker: their stores, their upkeep, what is told of them in numbers. */
import type { Feature } from '#platform/feature.ts'
import type { Finding } from '#platform/health/create-health.ts'
import type { Services } from '#platform/services.ts'
import { say } from '#schemas/said.ts'
import { createComplaintList } from './list-store.ts'
import type { ComplaintRooms, Sealing } from './rooms.ts'
import type { ComplaintSettings } from './settings.ts'
import { createComplaintStore } from './store.ts'

export type ComplaintGround = Pick<Services, 'database' | 'clock' | 'metrics' | 'audit'> & {
  eventSeals: {
    keys: Sealing
    addHolder(holder: {
      sealedWith(id: string, most: number): Promise<number>
      dropSealedWith(id: string): Promise<number>
    }): void
  }
}

const DAY_MS = 86_400_000
const UPKEEP_SECONDS = 3600
const STORMS_KEPT_DAYS = 90
const SYSTEM = { id: 'tracker', name: 'tracker' }

export function openComplaints(
  { database, clock, metrics, audit, eventSeals }: ComplaintGround,
  settings: ComplaintSettings,
): { rooms: ComplaintRooms } & Required<Pick<Feature, 'jobs' | 'health'>> {
  const store = createComplaintStore(database)
  const list = createComplaintList(database)
  const counts = () => list.counts(new Date(clock()).toISOString())
  eventSeals.addHolder(store)
  const acts = metrics.counter('concordat_complaints_total', 'Complaints of people by what became of them', [
    'what',
  ])
  metrics.watch(
    'concordat_complaints',
    'Complaints of people that are not closed: all, those that nobody has read, and those whose day has passed',
    'which',
    async () => Object.entries(await counts()),
  )
  const erase = async (): Promise<void> => {
    const dayBefore = (days: number): string => new Date(clock() - days * DAY_MS).toISOString()
    await store.erase({
      closed: dayBefore(settings.keepDays),
      storms: dayBefore(STORMS_KEPT_DAYS).slice(0, 10),
      erased: (complaints, within) => {
        const data = { complaints, keepDays: settings.keepDays }
        return audit.before(
          { caller: SYSTEM, operation: 'erasedComplaints', target: 'complaints', data },
          within,
        )
      },
    })
  }
  return {
    rooms: {
      ...{ settings, store, list, keys: eventSeals.keys },
      record: (act, within) => audit.before({ caller: SYSTEM, ...act }, within),
      count: (what) => acts.inc({ what }),
    },
    jobs: [{ kind: 'erase-complaints', everySeconds: UPKEEP_SECONDS, destroys: true, run: erase }],
    health: { complaints: async () => findingOf(await counts()) },
  }
}

/** Told, and stops nothing. */
function findingOf({ late }: { late: number }): Finding {
  return late === 0
    ? { ok: true }
    : { ok: true, reason: say`complaints of people that wait for an answer after their day: ${late}` }
}
