/**
 * Reads a global configuration from files: the shared parameters of one or more instances, plain or zipped.
 */
import { PROFILES_FILE } from '#core/certificate/instance-profiles.ts'
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import { readConfigurationFiles } from '#core/configuration/read-configuration-files.ts'
import { readZippedFiles } from '#core/configuration/zipped-files.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'

export type LoadedConfiguration = {
  indexes: Map<string, ConfigurationIndex>
  /** The instance whose server or anchor it comes from; undefined when that is not said. */
  own?: string | undefined
  /** Where the configuration came from, for people. */
  origin: string
}

const SHARED = 'shared-params.xml'
/** The files that are read from a directory or a zip file, in any folder of it. */
export const CONFIGURATION_FILES = [SHARED, PROFILES_FILE]
/** X-Road's file with the name of the instance that the configuration was fetched by. */
export const OWN_INSTANCE = 'instance-identifier'

/**
 * Builds a configuration from the shared parameters of each instance and its certificate profiles, if it has
 * any. `namedOwn` are the files that name the own instance: two say nothing. Throws `malformed_global_conf`.
 */
export async function configurationOf(
  files: Buffer[],
  origin: string,
  namedOwn: Buffer[] = [],
): Promise<LoadedConfiguration> {
  const indexes = await readConfigurationFiles(files)
  if (indexes.size === 0)
    throw new Fault('malformed_global_conf', { what: say`there is no shared-params.xml` })
  const [own, ...others] = namedOwn.map((name) => name.toString().trim())
  return { indexes, origin, own: others.length === 0 ? own : undefined }
}

/** Whether these are the bytes of a ZIP file, such as the answer of GET /verificationconf. */
export const isZip = (bytes: Buffer): boolean => bytes.length > 1 && bytes.readUInt16BE(0) === 0x504b

/** Reads the zip file of GET /verificationconf. Throws `malformed_global_conf`. */
export async function configurationOfZip(bytes: Buffer, origin: string): Promise<LoadedConfiguration> {
  const own = await readZippedFiles(bytes, [OWN_INSTANCE])
  return configurationOf(await readZippedFiles(bytes, CONFIGURATION_FILES), origin, own)
}
