/**
 * Accepts the reports of servers at the registration listener and returns signed answers: announced outages,
 * and days whose counts are missing.
 */
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { type CallCountsAnswer, FLEET_DOCUMENT, type ReportAnswer } from '#schemas/fleet.ts'
import { say } from '#schemas/said.ts'
import type { SignDocument } from '../../configuration/signing-keys/sign-document.ts'
import type { DocumentRooms } from '../../documents/approved-now.ts'
import { approvedNow } from '../../documents/approved-now.ts'
import type { CallStore } from './calls-store.ts'
import { verifyCalls, verifyReport } from './documents.ts'
import type { OutageStore } from './outages-store.ts'
import type { FleetStore } from './store.ts'

type FleetIntakeRooms = DocumentRooms & {
  store: Pick<FleetStore, 'takeReport'>
  outages: Pick<OutageStore, 'for'>
  calls: Pick<CallStore, 'take' | 'missing'>
  signDocument: SignDocument
  count(purpose: 'report' | 'calls', outcome: string): void
}

export function fleetIntakeHandlers(rooms: FleetIntakeRooms): Record<string, OperationHandler> {
  type Trust = { configuration: ConfigurationIndex; now: number }
  const counted =
    (purpose: 'report' | 'calls', take: (bytes: Buffer, trust: Trust) => Promise<string>): OperationHandler =>
    async ({ body }) => {
      try {
        if (!Buffer.isBuffer(body))
          throw new Fault('malformed_json', { what: say`a signed document is needed` })
        const configuration = await approvedNow(rooms)
        const signed = Buffer.from(await take(body, { configuration, now: rooms.clock() }))
        rooms.count(purpose, 'ok')
        return signed
      } catch (thrown) {
        rooms.count(purpose, asFault(thrown).code)
        throw thrown
      }
    }

  return {
    reportServer: counted('report', async (bytes, trust) => {
      const report = verifyReport(bytes, trust)
      await rooms.store.takeReport(report, trust.now)
      const generatedAt = new Date(rooms.clock()).toISOString()
      const { instance } = trust.configuration
      const answer: ReportAnswer = {
        ...{ instance, server: report.server, answers: report.id, generatedAt },
        outages: await rooms.outages.for(report.server, generatedAt),
      }
      return rooms.signDocument(answer, FLEET_DOCUMENT.answer)
    }),
    reportCalls: counted('calls', async (bytes, trust) => {
      const counts = verifyCalls(bytes, trust)
      await rooms.calls.take(counts, trust.now)
      const { instance } = trust.configuration
      const answer: CallCountsAnswer = {
        ...{ instance, server: counts.server, answers: counts.id },
        generatedAt: new Date(rooms.clock()).toISOString(),
        missing: await rooms.calls.missing(counts.server, counts.createdAt),
      }
      return rooms.signDocument(answer, FLEET_DOCUMENT.callsAnswer)
    }),
  }
}
