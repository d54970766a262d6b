/** What this server tells the registry of itself: how it is, and unless the settings say otherwise how much it exchanges. */
import type { Settings } from '../../config.ts'
import { type CallReports, createCallReports } from './report-calls.ts'
import { createRegistryReports, type RegistryReports } from './report-to-registry.ts'

type Rooms = Omit<Parameters<typeof createRegistryReports>[0], 'random'> &
  Omit<Parameters<typeof createCallReports>[0], 'random'>

export function wireReports(
  settings: Settings['registryReports'],
  rooms: Rooms,
): { registryReports: RegistryReports; callReports: CallReports | undefined } {
  const { random } = Math
  return {
    registryReports: createRegistryReports({ ...rooms, random }),
    callReports: settings.callCounts ? createCallReports({ ...rooms, random }) : undefined,
  }
}
