/**
 * Loads the global configuration by which containers are verified: a directory in X-Road's layout, the zip
 * file of GET /verificationconf, or an anchor, from which it is fetched and verified. Directory and zip are
 * not verified again: the person who names them on the command line trusts them.
 */
import { readdir, readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { parseAnchor } from '#core/configuration/anchor.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import {
  CONFIGURATION_FILES,
  configurationOf,
  configurationOfZip,
  isZip,
  type LoadedConfiguration,
  OWN_INSTANCE,
} from './configuration-files.ts'

/** The files of 64 instances. */
const MAX_FILES = 128
const MAX_BYTES = 64 * 1024 * 1024

/**
 * Throws `io_error` when nothing exists at the location, and faults such as `malformed_global_conf`,
 * `malformed_anchor` or `network_error`.
 */
export async function loadConfiguration(location: string, now: Date): Promise<LoadedConfiguration> {
  try {
    const isDirectory = (await stat(location)).isDirectory()
    const bytes = isDirectory ? undefined : await readFile(location)
    if (bytes === undefined) {
      const files = await filesOf(location, CONFIGURATION_FILES)
      return await configurationOf(files, `directory ${location}`, await filesOf(location, [OWN_INSTANCE]))
    }
    if (isZip(bytes)) return await configurationOfZip(bytes, `zip file ${location}`)
    return await fromAnchor(bytes, location, now)
  } catch (cause) {
    if (cause instanceof Fault) throw cause
    throw new Fault('io_error', { what: `${location} cannot be read`, cause })
  }
}

/**
 * Reads the files of these names at any depth of the directory: those of all instances. Throws
 * `malformed_global_conf` for too many or too large files.
 */
async function filesOf(directory: string, names: string[]): Promise<Buffer[]> {
  const found: Buffer[] = []
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!names.includes(entry.name) || !entry.isFile()) continue
    const file = path.join(entry.parentPath, entry.name)
    if (found.length === MAX_FILES || (await stat(file)).size > MAX_BYTES) {
      throw new Fault('malformed_global_conf', { what: 'there are too many or too large files' })
    }
    found.push(await readFile(file))
  }
  return found
}

async function fromAnchor(bytes: Buffer, file: string, now: Date): Promise<LoadedConfiguration> {
  const anchor = await parseAnchor(bytes)
  const [{ createConfigurationClient }, { fetchConfiguration }, { withParametersReader }] = await Promise.all(
    [
      import('#security-server/global-configuration/client.ts'),
      import('#security-server/global-configuration/fetch-configuration.ts'),
      import('#platform/configuration-documents/read-parameters.ts'),
    ],
  )
  const client = createConfigurationClient()
  let failure = new Fault('network_error', { what: 'the anchor names no source' })
  try {
    for (const { downloadUrl, verificationCerts } of anchor.sources) {
      try {
        const { index } = await withParametersReader((read) =>
          fetchConfiguration({
            client,
            location: {
              url: downloadUrl,
              ...{ certificates: verificationCerts, documentCertificates: verificationCerts },
            },
            instance: anchor.instance,
            // An anchor of another instance leads to no private parameters, which verification does not need.
            kind: 'federated',
            now,
            mark: undefined,
            previous: undefined,
            read,
          }),
        )
        return {
          indexes: new Map([[index.instance, index]]),
          own: index.instance,
          origin: `${downloadUrl}, by the anchor ${file}`,
        }
      } catch (cause) {
        failure = asFault(cause)
      }
    }
  } finally {
    await client.close()
  }
  throw failure
}
