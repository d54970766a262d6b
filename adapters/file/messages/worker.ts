/**
 * Files as messages: what is delivered into a folder is handed over to the own security server, and what
 * comes to inboxes of the own agency is written as files. Whatever is away is waited for.
 */
import type { SecurityServer } from '#adapters/client/index.ts'
import { createHandOver } from '#adapters/kit/messages/hand-over.ts'
import { startInbox, startLoop } from '#adapters/kit/messages/loop.ts'
import { openOwnServer } from '#adapters/kit/messages/own-server.ts'
import type { OpenWorker, Worker, WorkerQuestion } from '#adapters/kit/serve-worker.ts'
import { createBrokenFiles } from '../broken-files.ts'
import { createReadFile } from '../read-file.ts'
import { checkSettings } from './check-settings.ts'
import { openSchemas } from './hold-to-schema.ts'
import { openPlaces, type Places } from './places.ts'
import { createScan } from './scan.ts'
import { type DropSettings, type FileMessagesSettings, settingsSchema } from './settings.ts'
import { writeFileOf } from './write-file.ts'

export const fileMessages: Worker<FileMessagesSettings> = {
  name: 'file-messages',
  schema: settingsSchema,
  prefix: 'FILE_MESSAGES',
  check: checkSettings,
  lasting: ({ source }) => (source.folder === undefined ? [] : [source.folder]),
  open: (q) => openFileMessages(q),
}

type Doors = { places: Places; server: SecurityServer }

/** `arm` is for tests, which end the work between two steps. */
export async function openFileMessages(
  { settings, log, metrics }: WorkerQuestion<FileMessagesSettings>,
  arm: (doors: Doors) => Doors = (doors) => doors,
): Promise<OpenWorker> {
  const { limits, deliver } = settings
  const { places, server } = arm({
    server: await openOwnServer(settings.securityServer),
    places: await openPlaces(settings.source, limits.files, log),
  })
  const schemas = await openSchemas(settings.drops, limits)
  const outcomes = metrics.counter('concordat_file_messages_total', 'Files and events by outcome', [
    'outcome',
  ])
  // A file that cannot be read is in quarantine, and not remembered.
  const broken = {
    ...createBrokenFiles({ source: places.source.taken, log, metrics }),
    check: () => undefined,
  }
  const readFile = createReadFile({
    ...{ source: places.source.taken, checkComplete: async () => undefined, broken, use: 'drop' },
    fileBytes: limits.fileBytes,
  })
  const rooms = {
    ...{ places, readFile, limits, schemas },
    counted: (outcome: string) => outcomes.inc({ outcome }),
  }
  const drops = settings.drops.map((drop) => ({ drop, pattern: new RegExp(drop.files, 'u') }))
  const dropOf = (name: string): DropSettings | undefined =>
    drops.find(({ pattern }) => pattern.test(name))?.drop
  // Each by itself: an inbox that refuses everything holds up no other.
  const ways = settings.drops.map((drop) => ({ drop, handOver: createHandOver({ server, log }) }))
  const loops = [
    ...ways.map(({ drop, handOver }) =>
      startLoop({
        ...{ name: drop.name, idleMs: settings.scanMs, log },
        step: createScan(
          { ...settings, drop, isMine: (name) => dropOf(name) === drop },
          { ...rooms, handOver },
        ),
      }),
    ),
    ...deliver.map((way) =>
      startInbox({
        ...{
          name: way.name,
          inbox: server.inbox(way.inbox),
          log,
          options: { atOnce: 1, idleMs: settings.scanMs },
        },
        handle: async (event) => {
          await writeFileOf(event, way, places)
          outcomes.inc({ outcome: 'written' })
        },
      }),
    ),
  ]
  return {
    health: {
      ...Object.fromEntries(
        ways.map(({ drop, handOver }) => [`${drop.name}-accepted`, () => handOver.finding()]),
      ),
      ...Object.fromEntries(
        [...settings.drops, ...deliver].map(({ name }, at) => [name, () => loops[at]!.finding()]),
      ),
    },
    async close() {
      await Promise.all(loops.map((loop) => loop.stop()))
      await places.close()
      await schemas.close()
      server.close()
    },
  }
}
