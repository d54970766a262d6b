/** The configuration room of a management API for tests. */
import { NOBODY_SUSPENDED } from '#core/configuration/suspension-list.ts'
import { Fault } from '#schemas/fault.ts'
import type {
  ConfigurationSnapshot,
  GlobalConfiguration,
} from '#security-server/global-configuration/global-configuration.ts'
import type { World } from '#security-server/keys/keys-fixture.ts'

/** A configuration room whose content is that of the keys' world. */
export function configurationOf(world: World, statementIndex?: number): GlobalConfiguration {
  const unused = async () => {
    throw new Fault('not_found')
  }
  const current = (): ConfigurationSnapshot => {
    const index = world.configuration
    if (index === undefined) throw new Fault('global_conf_outdated')
    const snapshot: ConfigurationSnapshot = {
      ...{ index, statementIndex, trustedIssuers: [], version: '1' },
      expiresAt: new Date(world.now + 600_000),
      ...{ configurationHead: undefined, suspensionsUntil: undefined, graceMsOf: () => 0 },
      ...{ within: () => snapshot, overdue: () => undefined },
      suspensionsIn: () => NOBODY_SUSPENDED,
      isRevoked: () => false,
      ...{ instance: index.instance, indexFor: () => index, indexes: () => [index] },
      verificationFiles: () => [],
    }
    return snapshot
  }
  return {
    ...{ registryLog: async () => undefined, restored: async () => undefined },
    ...{ current, currentWithin: current },
    refresh: async () => undefined,
    refreshOwn: async () => undefined,
    refreshSuspensions: async () => undefined,
    obeyRevocations: () => undefined,
    hear: () => undefined,
    onChange: () => () => undefined,
    state: () => ({
      anchor: undefined,
      attempt: { lastAttempt: undefined, lastSuccess: undefined, lastError: undefined },
      ...{ own: undefined, federated: [], federatedMissing: [] },
      registry: { fork: undefined, behind: undefined },
    }),
    signedUntil: () => undefined,
    readAnchor: unused,
    installAnchor: unused,
    ...{ follow: async () => undefined, shareMarks: async () => undefined },
  }
}
