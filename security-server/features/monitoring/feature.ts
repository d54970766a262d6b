/** What this server tells of itself as X-Road's monitoring tools ask for it: operational, health and environment data. */
import type { FeatureModule } from '#platform/feature.ts'
import type { Services } from '#platform/services.ts'
import { idText, memberOf } from '#schemas/identifiers.ts'
import type { Contracts } from '../../global-configuration/contracts/contracts.ts'
import { inForce } from '../../global-configuration/snapshot.ts'
import type { EndOfCourse } from '../../peer/course.ts'
import type { MonitoringServices } from '../../peer/monitoring.ts'
import { type AnswerRooms, createMonitoringServices } from './answer.ts'
import { createBuffer } from './buffer.ts'
import { createHealthWindow } from './health-window.ts'
import { createInternalIp } from './internal-ip.ts'
import { createMachine } from './machine.ts'
import type { MonitoringSettings } from './settings.ts'
import { createOperationalStore, monitoringMigrations } from './store.ts'
import { forgetOld, writeCourses } from './write-courses.ts'

type Ground = Pick<AnswerRooms, 'server' | 'globalConfiguration' | 'localSystems' | 'keys'> &
  Pick<Services, 'clock' | 'database' | 'metrics'> & {
    settings: { monitoring: MonitoringSettings; directory: string }
    contracts: Pick<Contracts, 'secrecyBetween'>
  }

type Offers = { monitoring: MonitoringServices; endOfCourse: EndOfCourse }

const HOUR_S = 3600

export const monitoring: FeatureModule<Ground, Offers> = {
  name: 'monitoring',
  migrations: monitoringMigrations,
  open: (ground) => {
    const { clock, server, globalConfiguration, contracts, metrics } = ground
    const { keepDays, personalData } = ground.settings.monitoring
    const lost = metrics.counter(
      'concordat_operational_records_lost_total',
      'Records of exchanges for the operational monitoring that were given up because the database did not take them',
    )
    const buffer = createBuffer({ onLost: (courses) => lost.inc(courses) })
    metrics.watch(
      'concordat_operational_records_waiting',
      'Records of exchanges for the operational monitoring that are not written yet',
      buffer.size,
    )
    const health = createHealthWindow(clock)
    const machine = createMachine({ clock, directory: ground.settings.directory })
    const store = createOperationalStore(ground.database)
    const rooms = {
      ...{ server, clock, buffer, store, keepDays, personalData },
      internalIp: createInternalIp(clock),
      addressOf: (id: typeof server) =>
        inForce(globalConfiguration)?.indexFor(id.instance)?.server(id)?.address,
      isSecret: ({ secrecy, request }: Parameters<EndOfCourse>[0]) => {
        if (secrecy !== undefined || request === undefined) return secrecy !== undefined
        // Nothing says under which contract it would have gone, had it been let through.
        const [client, provider] = [request.client, request.service].map((id) => idText(memberOf(id)))
        return contracts.secrecyBetween(client!, provider!) > 0
      },
    }
    const write = (): Promise<void> => writeCourses(rooms)
    return {
      jobs: [
        // Due whenever there is something: once a second.
        {
          ...{ kind: 'write-operational-data', everySeconds: HOUR_S, onEachNode: true },
          ...{ isDue: () => buffer.size() > 0, run: write },
        },
        { kind: 'forget-operational-data', everySeconds: HOUR_S, run: () => forgetOld(rooms) },
      ],
      offers: {
        monitoring: createMonitoringServices({ ...ground, store, health, machine }),
        endOfCourse: (course) => {
          if (course.secrecy === undefined) health.add(course)
          if (keepDays > 0 && course.isOnlyCounted !== true) buffer.add(course)
        },
      },
      async close() {
        machine.close()
        // What a crash loses, an end does not.
        await write().catch(() => undefined)
      },
    }
  },
}
