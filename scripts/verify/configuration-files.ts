/** Reads a global configuration from files: the shared parameters of one or more instances, plain or zipped. */
import {
  isInstanceProfiles,
  PROFILES_FILE,
  readInstanceProfiles,
} from '#core/certificate/instance-profiles.ts'
import { type ConfigurationIndex, indexConfiguration } from '#core/configuration/configuration-index.ts'
import { parseSharedParameters } from '#core/configuration/shared-parameters-read.ts'
import type { CertificateProfile } from '#schemas/certificate-profile.ts'
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
  const indexes = new Map<string, ConfigurationIndex>()
  const profiles = profilesIn(files)
  for (const file of files.filter((one) => !isInstanceProfiles(one))) {
    const shared = await parseSharedParameters(file)
    const index = indexConfiguration(shared, undefined, profiles.get(shared.instance))
    if (indexes.has(index.instance)) {
      throw new Fault('malformed_global_conf', { what: `instance ${index.instance} is there twice` })
    }
    indexes.set(index.instance, index)
  }
  if (indexes.size === 0) throw new Fault('malformed_global_conf', { what: `there is no ${SHARED}` })
  return { indexes, origin }
}

function profilesIn(files: Buffer[]): Map<string, CertificateProfile[]> {
  const found = new Map<string, CertificateProfile[]>()
  for (const { instance, profiles } of files.filter(isInstanceProfiles).map(readInstanceProfiles)) {
    if (found.has(instance))
      throw new Fault('malformed_global_conf', {
        what: `certificate profiles of instance ${instance} are there twice`,
      })
    found.set(instance, profiles)
  }
  return found
}

/** Whether these are the bytes of a ZIP file, such as the answer of GET /verificationconf. */
export const isZip = (bytes: Buffer): boolean => bytes.length > 1 && bytes.readUInt16BE(0) === 0x504b

/** Reads the zip file of GET /verificationconf. Throws `malformed_global_conf`. */
export async function configurationOfZip(bytes: Buffer, origin: string): Promise<LoadedConfiguration> {
  return configurationOf(await readZippedFiles(bytes, CONFIGURATION_FILES), origin)
}
