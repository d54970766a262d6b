/**
 * The register of mandates and the portal for clerks at a counter, in the process of the agencies' systems.
 */
import { readSettings, serveAdapter } from '#adapters/kit/serve-adapter.ts'
import { readWorkerSettings, serveWorker } from '#adapters/kit/serve-worker.ts'
import { mandatesAdapter } from '#adapters/mandates/adapter.ts'
import { portal } from '#adapters/portal/portal.ts'
import type { PortalSettings } from '#adapters/portal/settings.ts'
import type { Log } from '#platform/logging/create-log.ts'

export async function serveActing(
  mandatesFile: string,
  counterFile: string,
  log: Log,
): Promise<{ stop(): Promise<void> }> {
  const register = await serveAdapter(
    mandatesAdapter,
    await readSettings(mandatesAdapter, mandatesFile, {}),
    log,
  )
  const counter = await serveWorker(
    portal,
    await readWorkerSettings<PortalSettings>(portal, counterFile, {}),
    log,
  )
  return {
    async stop() {
      await counter.stop()
      await register.stop()
    },
  }
}
