/** Takes the reports of servers at the registration listener and tells each, signed, what it has to know. */
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { FLEET_DOCUMENT, type ReportAnswer } from '#schemas/fleet.ts'
import type { SignDocument } from '../configuration/signing-keys/sign-document.ts'
import { approvedNow, type IntakeRooms } from '../requests/intake.ts'
import { verifyReport } from './documents.ts'
import type { OutageStore } from './outages-store.ts'
import type { FleetStore } from './store.ts'

export type FleetIntakeRooms = Pick<IntakeRooms, 'members' | 'trust' | 'ocspFreshnessSeconds' | 'clock'> & {
  store: Pick<FleetStore, 'takeReport'>
  outages: Pick<OutageStore, 'for'>
  signDocument: SignDocument
  count(purpose: 'report', outcome: string): void
}

export function fleetIntakeHandlers(rooms: FleetIntakeRooms): Record<string, OperationHandler> {
  return {
    reportServer: async ({ body }) => {
      try {
        if (!Buffer.isBuffer(body)) throw new Fault('malformed_json', { what: 'a signed document is needed' })
        const configuration = await approvedNow(rooms)
        const now = rooms.clock()
        const report = verifyReport(body, { configuration, now })
        await rooms.store.takeReport(report, now)
        const generatedAt = new Date(rooms.clock()).toISOString()
        const answer: ReportAnswer = {
          ...{ instance: configuration.instance, server: report.server, answers: report.id, generatedAt },
          outages: await rooms.outages.for(report.server, generatedAt),
        }
        const signed = Buffer.from(await rooms.signDocument(answer, FLEET_DOCUMENT.answer))
        rooms.count('report', 'ok')
        return signed
      } catch (thrown) {
        rooms.count('report', asFault(thrown).code)
        throw thrown
      }
    },
  }
}
