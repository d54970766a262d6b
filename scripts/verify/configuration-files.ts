/** Reads a global configuration from files: the shared parameters of one or more instances, plain or zipped. */
import { PROFILES_FILE } from '#core/certificate/instance-profiles.ts'
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import { readConfigurationFiles } from '#core/configuration/read-configuration-files.ts'
import { Fault } from '#schemas/fault.ts'
import { readZippedFiles } from './zipped-files.ts'

export type LoadedConfiguration = {
  indexes: Map<string, ConfigurationIndex>
  /** Where the configuration came from, for people. */
  origin: string
}

const SHARED = 'shared-params.xml'
/** The files that are read from a directory or a zip file, in any folder of it. */
export const CONFIGURATION_FILES = [SHARED, PROFILES_FILE]

/**
 * Builds a configuration from the shared parameters of each instance and its certificate profiles, if it has any. Throws
 * `malformed_global_conf`.
 */
export async function configurationOf(files: Buffer[], origin: string): Promise<LoadedConfiguration> {
  const indexes = await readConfigurationFiles(files)
  if (indexes.size === 0) throw new Fault('malformed_global_conf', { what: `there is no ${SHARED}` })
  return { indexes, origin }
}

/** Whether these are the bytes of a ZIP file, such as the answer of GET /verificationconf. */
export const isZip = (bytes: Buffer): boolean => bytes.length > 1 && bytes.readUInt16BE(0) === 0x504b

/** Reads the zip file of GET /verificationconf. Throws `malformed_global_conf`. */
export async function configurationOfZip(bytes: Buffer, origin: string): Promise<LoadedConfiguration> {
  return configurationOf(await readZippedFiles(bytes, CONFIGURATION_FILES), origin)
}
