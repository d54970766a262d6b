/** What a bundle of this server's is written from: the log as its reader may see it, and what it is to be judged by. */
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

/** Throws `global_conf_outdated` while there is no configuration to judge by. */
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
