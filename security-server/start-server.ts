/** One process of a security server: the whole of it, or one of its workers. */
import type { Running } from '#platform/process/run-process.ts'
import { serve } from '#platform/serve.ts'
import { restoreAndEnd } from './features/backups/backup-command.ts'
import { FEATURES, serverMigrations } from './features.ts'
import { openGround } from './ground.ts'
import { shapeOf } from './shape.ts'
import { settingsOfWorker } from './worker-settings.ts'

type Question = Omit<Parameters<typeof openGround>[0], 'migrations' | 'machine'>

/** Throws what the ground and the features throw; ends the process after a backup. */
export async function startServer(q: Question): Promise<Running> {
  await restoreAndEnd(q.words, q.settings, serverMigrations, q.lock)
  const { siblings, log } = q
  if (siblings !== undefined) log.setBindings({ worker: siblings.number })
  const machine = q.settings.directory
  const settings = siblings === undefined ? q.settings : settingsOfWorker(q.settings, siblings.number)
  const ground = await openGround({ ...q, settings, machine, migrations: serverMigrations })
  return serve(ground, FEATURES, shapeOf)
}
