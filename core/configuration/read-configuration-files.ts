/**
 * Makes a configuration of its files: the shared parameters of one or more instances, and their certificate
 * profiles.
 */
import { isInstanceProfiles, readInstanceProfiles } from '#core/certificate/instance-profiles.ts'
import type { CertificateProfile } from '#schemas/certificate-profile.ts'
import { Fault } from '#schemas/fault.ts'
import { type ConfigurationIndex, indexConfiguration } from './configuration-index.ts'
import { parseSharedParameters } from './shared-parameters-read.ts'

/** By instance. Throws `malformed_global_conf`. */
export async function readConfigurationFiles(files: Buffer[]): Promise<Map<string, ConfigurationIndex>> {
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
  return indexes
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
