/** A global configuration from the files that hold it: shared parameters of one or more instances, as they are or zipped. */
import { type ConfigurationIndex, indexConfiguration } from '#core/configuration/configuration-index.ts'
import { parseSharedParameters } from '#core/configuration/shared-parameters-read.ts'
import { Fault } from '#schemas/fault.ts'
import { readZippedFiles } from './zipped-files.ts'

export type LoadedConfiguration = {
  indexes: Map<string, ConfigurationIndex>
  /** Where it came from, for people. */
  origin: string
}

export const SHARED = 'shared-params.xml'

/** From the shared parameters of each instance. Throws `malformed_global_conf`. */
export async function configurationOf(files: Buffer[], origin: string): Promise<LoadedConfiguration> {
  const indexes = new Map<string, ConfigurationIndex>()
  for (const file of files) {
    const index = indexConfiguration(await parseSharedParameters(file))
    if (indexes.has(index.instance)) {
      throw new Fault('malformed_global_conf', { what: `instance ${index.instance} is there twice` })
    }
    indexes.set(index.instance, index)
  }
  if (indexes.size === 0) throw new Fault('malformed_global_conf', { what: `there is no ${SHARED}` })
  return { indexes, origin }
}

/** Whether these are the bytes of a ZIP file, as that of GET /verificationconf. */
export const isZip = (bytes: Buffer): boolean => bytes.length > 1 && bytes.readUInt16BE(0) === 0x504b

/** From the zip file of GET /verificationconf. Throws `malformed_global_conf`. */
export async function configurationOfZip(bytes: Buffer, origin: string): Promise<LoadedConfiguration> {
  return configurationOf(await readZippedFiles(bytes, SHARED), origin)
}
