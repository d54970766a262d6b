/**
 * The inputs of a bundle from this server: the log as its reader may see it, and the configuration and
 * certificates to verify it with.
 */
import type { Clock } from '#platform/clock.ts'
import { idText, type ServerId } from '#schemas/identifiers.ts'
import type { GlobalConfiguration } from '../../global-configuration/global-configuration.ts'
import { checkpointSigner } from '../../keys/checkpoint-signer.ts'
import type { Keys } from '../../keys/keys.ts'
import type { BundleSource } from './write-bundle.ts'

type BundleGround = {
  server: ServerId
  clock: Clock
  globalConfiguration: Pick<GlobalConfiguration, 'current'>
  keys: Keys
}

/** Throws `global_conf_outdated` while the server has no valid global configuration. */
export function bundleSource(
  { server, clock, globalConfiguration, keys }: BundleGround,
  log: BundleSource['log'],
): BundleSource {
  return {
    log,
    server: idText(server),
    made: new Date(clock()),
    configuration: globalConfiguration.current().verificationFiles(),
    checkpointSigner: checkpointSigner(keys, server),
  }
}
