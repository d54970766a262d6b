/**
 * What this server tells of itself as X-Road's monitoring tools ask for it: operational, health and
 * environment data.
 */

import type { FeatureModule } from '#platform/feature.ts'
import type { Services } from '#platform/services.ts'
import { colonForm } from '#schemas/colon-identifiers.ts'
import { idText, memberOf } from '#schemas/identifiers.ts'
import type { Whole } from '#schemas/sent-values.ts'
import type { Contracts } from '../../global-configuration/contracts/contracts.ts'
import { inForce } from '../../global-configuration/snapshot.ts'
import type { Course, EndOfCourse } from '../../peer/course.ts'
import type { MonitoringServices } from '../../peer/monitoring.ts'
import { type AnswerRooms, createMonitoringServices } from './answer.ts'
import { createRecordBuffer } from './buffer.ts'
import { createHealthWindow } from './health-window.ts'
import { createInternalIp } from './internal-ip.ts'
import { createMachine } from './machine.ts'
import type { MonitoringSettings } from './settings.ts'
import { createOperationalStore, monitoringMigrations } from './store.ts'
import { writeRecord } from './write-record.ts'
import { createRecordWriter, forgetOld } from './write-records.ts'

type Ground = Pick<AnswerRooms, 'server' | 'globalConfiguration' | 'localSystems' | 'keys'> &
  Pick<Services, 'clock' | 'database' | 'metrics'> & {
    settings: { monitoring: MonitoringSettings; directory: string }
    contracts: Pick<Contracts, 'secrecyBetween'>
    /** What a collector of OpenTelemetry is told, and how that goes; undefined without one. */
    telemetryState(): Promise<CollectorState | undefined>
  }

type Offers = { monitoring: MonitoringServices; endOfCourse: EndOfCourse }

const HOUR_S = 3600

/** The collector that telemetry goes to, and what has not come to it. */
type CollectorState = {
  url: string
  metricsSeconds: number
  traceShare: number
  spansWaiting: Whole
  spansLost: Whole
}

export const monitoring: FeatureModule<Ground, Offers> = {
  name: 'monitoring',
  migrations: monitoringMigrations,
  open: (ground) => {
    const { clock, server, globalConfiguration, contracts, metrics } = ground
    const { keepDays, personalData } = ground.settings.monitoring
    const lost = metrics.counter(
      'concordat_operational_records_lost_total',
      'Records of exchanges for the operational monitoring that were given up: the database did not take them, or they could not be made',
    )
    const buffer = createRecordBuffer({ onLost: (records) => lost.inc(records) })
    const health = createHealthWindow(clock)
    const machine = createMachine({ clock, directory: ground.settings.directory })
    const store = createOperationalStore(ground.database)
    const writer = createRecordWriter({ clock, buffer, store, secrecyBetween: contracts.secrecyBetween })
    metrics.watch(
      'concordat_operational_records_waiting',
      'Records of exchanges for the operational monitoring that are not written yet',
      writer.waiting,
    )
    const recording = {
      ...{ server, personalData },
      internalIp: createInternalIp(clock),
      addressOf: (id: typeof server) =>
        inForce(globalConfiguration)?.indexFor(id.instance)?.server(id)?.address,
    }
    const keep = (course: Course): void => {
      const record = writeRecord(course, recording)
      if (record === undefined) return
      const { client, service } = course.request!
      // Where nothing says under which contract it goes, or would have gone had it been let through, its
      // members do.
      const secret =
        course.secrecy === undefined
          ? ([idText(memberOf(client)), idText(memberOf(service))] as const)
          : course.secrecy > 0
      buffer.add({ line: JSON.stringify(record), secret })
    }
    return {
      operations: {
        getMonitoring: async () => {
          const client = inForce(globalConfiguration)?.index.monitoringClient
          const { records, oldest } = await store.state()
          return {
            ...{ keepDays, personalData, records, waiting: writer.waiting() },
            ...(oldest !== undefined && { oldestAt: new Date(oldest * 1000).toISOString() }),
            lost: (await lost.get()).values[0]?.value ?? 0,
            ...(client !== undefined && { client: colonForm(idText(client)) }),
            collector: await ground.telemetryState(),
          }
        },
      },
      jobs: [
        // Due whenever there is something: once a second.
        {
          ...{ kind: 'write-operational-data', everySeconds: HOUR_S, onEachNode: true },
          ...{ isDue: () => writer.waiting() > 0, run: writer.write },
        },
        {
          kind: 'forget-operational-data',
          everySeconds: HOUR_S,
          destroys: true,
          run: () => forgetOld({ clock, store, keepDays }),
        },
      ],
      offers: {
        monitoring: createMonitoringServices({ ...ground, store, health, machine }),
        endOfCourse: (course) => {
          // What fails here costs its own record, and no exchange.
          try {
            if ((course.secrecy ?? 0) === 0) health.add(course)
            if (keepDays > 0 && course.isOnlyCounted !== true) keep(course)
          } catch {
            lost.inc()
          }
        },
      },
      async close() {
        machine.close()
        // What a crash loses, an end does not.
        await writer.write().catch(() => lost.inc(writer.waiting()))
      },
    }
  },
}
