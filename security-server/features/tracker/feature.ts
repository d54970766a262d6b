/** Trackers: subsystems answer people who used their data. */
import type { FeatureModule } from '#platform/feature.ts'
import type { ContractContent } from '#schemas/contract.ts'
import { parseSubsystemId } from '#schemas/identifiers.ts'
import type { Contracts } from '../../global-configuration/contracts/contracts.ts'
import type { GlobalConfiguration } from '../../global-configuration/global-configuration.ts'
import type { Tracker } from '../../peer/inbox.ts'
import { createPeerQuota } from '../../peer/peer-quota.ts'
import { bundleSource } from '../../reading/evidence/bundle-source.ts'
import { createTracker } from './answer-person.ts'
import { complaintHandlers } from './complaints/handlers.ts'
import { complaintMigrations } from './complaints/migrations.ts'
import { type ComplaintGround, openComplaints } from './complaints/open-complaints.ts'
import { trackerHandlers } from './handlers.ts'
import { trackerMigrations } from './migrations.ts'
import { questionFor } from './question-for.ts'
import type { NoticePaths, TrackerFilter, TrackerRooms } from './rooms.ts'
import type { TrackerSettings } from './settings.ts'
import { createTrackerStore } from './store.ts'
import { isOn } from './switch-tracker.ts'

type Ground = ComplaintGround &
  Pick<TrackerRooms, 'server' | 'personUses' | 'localSystems' | 'consentsOf' | 'previewsOf'> & {
    globalConfiguration: Pick<GlobalConfiguration, 'current'>
    settings: { tracker: TrackerSettings }
    contracts: Pick<Contracts, 'view' | 'contentsInForce'>
    keys: Parameters<typeof bundleSource>[0]['keys']
    messageLog: TrackerRooms['log']
  }

/** Questions of one client at once. */
const UNDER_WAY = 16
const MOST_KNOWN = 1000

export const tracker: FeatureModule<Ground, { tracker: Tracker; trackerFilter: TrackerFilter }> = {
  name: 'tracker',
  migrations: { ...trackerMigrations, ...complaintMigrations },
  open: (ground) => {
    const { database, clock, metrics, contracts, messageLog } = ground
    const settings = ground.settings.tracker
    const { perSecond } = settings
    const store = createTrackerStore(database)
    const answers = metrics.counter(
      'concordat_tracker_answers_total',
      'Questions of people who used their data',
      ['outcome'],
    )
    metrics.watch('concordat_tracker_exceptions', 'Uses that are withheld now, by ground', 'ground', () =>
      store.countsByGround(new Date(clock()).toISOString()),
    )
    const complaints = openComplaints(ground, settings.complaints)
    let noticePaths: NoticePaths | undefined
    const rooms: TrackerRooms = {
      complaints: complaints.rooms,
      ...{ server: ground.server, clock, settings, store, log: messageLog },
      ...{ personUses: ground.personUses, localSystems: ground.localSystems },
      globalConfiguration: ground.globalConfiguration,
      consentsOf: ground.consentsOf,
      previewsOf: ground.previewsOf,
      quota: createPeerQuota({ perSecond, burst: 2 * perSecond, underWay: UNDER_WAY, clock }),
      contracts: () => contracts.view().contracts.map(({ content }) => content),
      contractOf: contractsByVersion(contracts),
      contentsOf: async (ids) => {
        const wanted = new Set(ids)
        return (await contracts.contentsInForce()).filter(({ contract }) => wanted.has(contract))
      },
      bundle: (log) => bundleSource(ground, log),
      notices: () => noticePaths,
      count: (outcome) => answers.inc({ outcome }),
    }
    const trackerFilter: TrackerFilter = {
      isOn: (subsystem) => isOn(parseSubsystemId(subsystem), rooms),
      filterFor: async (subsystem) => {
        const { general, withheld, nextEnd } = await questionFor({ client: '', subsystem }, {}, rooms)
        return { subsystem, general, withheld, nextEnd }
      },
      answerNotices: (paths) => {
        noticePaths = paths
      },
    }
    return {
      operations: { ...trackerHandlers(rooms), ...complaintHandlers(rooms) },
      offers: { tracker: createTracker(rooms), trackerFilter },
      jobs: complaints.jobs,
      health: complaints.health,
    }
  },
}

/** The newest of them are read from memory; those that are over, once. */
function contractsByVersion({ view, contentsInForce }: Ground['contracts']): TrackerRooms['contractOf'] {
  const known = new Map<string, ContractContent | undefined>()
  return async (version) => {
    const now = view().contracts.find(({ content }) => `${content.contract}/${content.version}` === version)
    if (now !== undefined) return now.content
    if (!known.has(version)) {
      if (known.size >= MOST_KNOWN) known.clear()
      const all = (await contentsInForce()).filter((one) => `${one.contract}/${one.version}` === version)
      known.set(version, all.length === 1 ? all[0] : undefined)
    }
    return known.get(version)
  }
}
