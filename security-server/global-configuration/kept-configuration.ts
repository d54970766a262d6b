/**
 * The configuration that this server accepted last, as stored on disk, also after it expired: for verifying
 * what was signed while it was valid. It was verified before it was stored, so it is as trustworthy as the
 * anchor in the same folder.
 */
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { PROFILES_FILE, readInstanceProfiles } from '#core/certificate/instance-profiles.ts'
import { type ConfigurationIndex, indexConfiguration } from '#core/configuration/configuration-index.ts'
import { parseSharedParameters } from '#core/configuration/shared-parameters-read.ts'
import { Fault } from '#schemas/fault.ts'
import { folderName } from './generations.ts'

/**
 * `directory` is the folder of this room. Undefined when no configuration was stored. Throws `io_error`,
 * `malformed_global_conf`.
 */
export async function keptConfiguration(
  directory: string,
  instance: string,
): Promise<ConfigurationIndex | undefined> {
  const at = (name: string): string =>
    path.join(directory, 'current', 'globalconf', folderName(instance), name)
  const shared = await readIfThere(at('shared-params.xml'))
  if (shared === undefined) return undefined
  const profiles = await readIfThere(at(PROFILES_FILE))
  return indexConfiguration(
    await parseSharedParameters(shared),
    undefined,
    profiles && readInstanceProfiles(profiles).profiles,
  )
}

async function readIfThere(file: string): Promise<Buffer | undefined> {
  try {
    return await readFile(file)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new Fault('io_error', { what: file, cause })
  }
}
