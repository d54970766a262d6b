/**
 * Reports this server's state to the registry and, unless the settings forbid it, its numbers of exchanges.
 */
import type { FeatureModule } from '#platform/feature.ts'
import { VERSION } from '#platform/process/version.ts'
import { createCallReports } from './report-calls.ts'
import { createRegistryReports, type RegistryReports } from './report-to-registry.ts'

type Ground = Omit<Parameters<typeof createRegistryReports>[0], 'random' | 'version'> &
  Omit<Parameters<typeof createCallReports>[0], 'random'> & {
    settings: { registryReports: { callCounts: boolean } }
  }

export const registryReports: FeatureModule<Ground, { registryReports: RegistryReports }> = {
  name: 'registry-reports',
  open: (ground) => {
    const { random } = Math
    const reports = createRegistryReports({ ...ground, random, version: VERSION })
    const calls = ground.settings.registryReports.callCounts
      ? createCallReports({ ...ground, random })
      : undefined
    return {
      jobs: [
        // Looked at often, so that the registry soon knows about a server that has just started.
        {
          ...{ kind: 'report-to-registry', everySeconds: 30, onEachNode: true },
          isDue: reports.isReportDue,
          run: () => reports.reportWhenDue(),
        },
        { kind: 'report-calls', everySeconds: 60, run: async () => calls?.reportWhenDue() },
      ],
      offers: { registryReports: reports },
    }
  },
}
