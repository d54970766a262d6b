/**
 * A configuration that one worker has taken is taken by all on this machine at once: an administrator who has
 * it fetched cannot choose the worker. Each reads and verifies it for itself, out of what the first one
 * fetched.
 */
import type { Siblings } from '#platform/workers/siblings.ts'
import type { GlobalConfiguration } from './global-configuration/global-configuration.ts'

const TOLD = 'configuration'

export function configureTogether(globalConfiguration: GlobalConfiguration, siblings: Siblings): void {
  globalConfiguration.onChange(() => siblings.tell(TOLD, undefined))
  siblings.onTold(TOLD, () => {
    // Its own job tries again; `state()` says why it failed.
    globalConfiguration.refreshOwn().catch(() => undefined)
  })
}
