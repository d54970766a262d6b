/**
 * The file adapter: CSV, JSON and XML files of a folder as services, as the mapping says, and the files
 * themselves if the settings say so. Each answer is of one complete file, within limits of size, rows, time
 * and number.
 */
import type { Adapter, OpenAdapter } from '#adapters/kit/adapter.ts'
import { limitCalls } from '#adapters/kit/limit-calls.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { Fault } from '#schemas/fault.ts'
import { createHandler } from './answer.ts'
import { createBrokenFiles } from './broken-files.ts'
import { checkSettings } from './check-settings.ts'
import { describeFiles, describeResource } from './describe.ts'
import { createFileHandlers } from './files.ts'
import { openFolder } from './folder.ts'
import { createCheckComplete } from './is-complete.ts'
import { readMapping } from './mapping.ts'
import { createMemory } from './memory.ts'
import { createReadFile, type InTurn, type ReadFile } from './read-file.ts'
import { type FileSettings, settingsSchema } from './settings.ts'
import type { FileSource } from './source.ts'
import { within } from './within.ts'

export const fileAdapter: Adapter<FileSettings> = {
  name: 'file',
  schema: settingsSchema,
  prefix: 'FILE_ADAPTER',
  check: checkSettings,
  describe: (settings) => [...readMapping(settings).map(describeResource), ...describeFiles(settings.files)],
  open: openFileAdapter,
}

async function openFileAdapter({
  settings,
  log,
  metrics,
}: Parameters<Adapter<FileSettings>['open']>[0]): Promise<OpenAdapter> {
  const { complete, limits } = settings
  const source = await openSource(settings, log)
  await source.check().catch((thrown: unknown) => {
    log.warn({ err: thrown }, 'the folder is away: requests are answered with 503 until it is back')
  })
  const broken = createBrokenFiles({ source, log, metrics })
  const checkComplete = createCheckComplete(complete, source)
  const readFileFor = (use: string): ReadFile =>
    createReadFile({ source, checkComplete, broken, use, fileBytes: limits.fileBytes })
  const limit = limitCalls({ running: limits.readers, waiting: limits.waiting, waitMs: limits.readMs })
  metrics.watch('concordat_file_readers_running', 'Readings that run now', limit.running)
  metrics.watch('concordat_file_readers_waiting', 'Readings that wait for their turn', limit.waiting)
  const seconds = metrics.histogram('concordat_file_read_seconds', 'Time of a reading', ['outcome'])
  const settling = limitCalls({ running: limits.readers + limits.waiting, waiting: 0, waitMs: limits.readMs })
  /** A new file is waited for before its reading has a place, which others can use meanwhile. */
  const settled = (name: string): Promise<void> =>
    settling.run(async () => {
      const signal = AbortSignal.timeout(limits.readMs)
      const facts = await within(signal, source.look(name))
      if (facts !== undefined) await within(signal, checkComplete(facts, signal))
    })
  const inTurn: InTurn = async (name, read) => {
    if (name !== undefined && complete.by === 'settled') await settled(name)
    return limit.run(async () => {
      const stop = seconds.startTimer()
      try {
        const result = await read(AbortSignal.timeout(limits.readMs))
        stop({ outcome: 'read' })
        return result
      } catch (thrown) {
        stop({ outcome: thrown instanceof Fault ? thrown.code : 'internal_error' })
        throw thrown
      }
    })
  }
  const resources = readMapping(settings).map((resource) => [
    resource.id,
    createHandler({
      resource,
      limits,
      inTurn,
      readFile: readFileFor(resource.id),
      whole: createMemory<string>(),
    }),
  ])
  return {
    handlers: {
      ...Object.fromEntries(resources),
      ...createFileHandlers({ settings, source, inTurn, readFile: readFileFor('files') }),
    },
    health: {
      source: async () => {
        await source.check()
        return { ok: true }
      },
      files: broken.finding,
    },
    close: () => source.close(),
  }
}

/** The SSH library is loaded only when the settings name a server. */
async function openSource({ source, limits }: FileSettings, log: Log): Promise<FileSource> {
  if (source.kind === 'folder') return openFolder(source.folder!, limits.files)
  return (await import('./sftp.ts')).openSftp(source, limits, log)
}
