/** Reads the settings file of a node as its program does at a start. */
import { readConfiguration } from '#platform/configuration/read-configuration.ts'
import type { Program } from '#platform/nodes/bundle.ts'
import { comparedFiles } from '#platform/nodes/compared-files.ts'
import { idText, parseServerId } from '#schemas/identifiers.ts'

export type NodeFile = {
  settings: { directory: string; database: string; nodes?: { clusterKeyFile: string } | undefined }
  schema: object
  /** What nodes compare. */
  compared: object
  ofAMachine: ReadonlySet<string>
  /** SHA-256 of the files whose content is compared, by the names of their settings. */
  files: ReadonlyMap<string, string>
  /** What the rows of its nodes are bound to. */
  scope: string
  /** Settings that are compared as something else than what stands in the file. */
  combined: ReadonlySet<string>
}

/** Throws `invalid_configuration` for settings with which it would not start. */
export async function readNode(program: Program, file: string): Promise<NodeFile> {
  if (program === 'central-registry') {
    const { checkSettings, settingsSchema } = await import('#central-registry/config.ts')
    type Settings = Parameters<typeof checkSettings>[0]
    const settings = await readConfiguration<Settings>(file, settingsSchema, {}, 'CONCORDAT_REGISTRY')
    checkSettings(settings)
    const { comparedSettings, OF_A_MACHINE, SCOPE } = await import(
      '#central-registry/features/nodes/settings.ts'
    )
    return {
      ...{ settings, schema: settingsSchema, compared: comparedSettings(settings) },
      ...{ ofAMachine: OF_A_MACHINE, scope: SCOPE, combined: new Set(['publicUrl']) },
      files: await comparedFiles(settings, settingsSchema),
    }
  }
  const { checkSettings, settingsSchema } = await import('#security-server/config.ts')
  const { OF_A_MACHINE } = await import('#security-server/features/nodes/settings.ts')
  type Settings = import('#security-server/config.ts').Settings
  const settings = await readConfiguration<Settings>(file, settingsSchema, {}, 'CONCORDAT')
  checkSettings(settings)
  return {
    ...{ settings, schema: settingsSchema, compared: settings },
    ...{ ofAMachine: OF_A_MACHINE, scope: idText(parseServerId(settings.server)), combined: new Set() },
    files: await comparedFiles(settings, settingsSchema),
  }
}
