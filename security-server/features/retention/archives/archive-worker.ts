/** The thread that makes archives: where the log lies in, plans and finished files out; it changes nothing in the log. */

import { setTimeout as wait } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { crossFault } from '#platform/threads/crossed-fault.ts'
import { withBuffers } from '#platform/threads/with-buffers.ts'
import { openBodyIn } from '../../../message-log/body-folder.ts'
import { readLogKeys } from '../../../message-log/keys/log-keys.ts'
import { openLogDatabase } from '../../../message-log/log-database.ts'
import { withIndex } from '../../../reading/indexed-log.ts'
import type { ArchivedLog, FromArchiver, ToArchiver } from './archive-messages.ts'
import { createArchiveMaker } from './make-archive.ts'

/** Processor time that is taken at a stretch, and how much of it exchanges have the machine for then. */
const SLICE_US = 20_000
const REST = 0.25

const { databaseUrl, keyFolder, bodyFolder } = workerData as ArchivedLog
const log = withIndex(await openLogDatabase(databaseUrl, { readOnly: true }))
const folder = { open: (name: string) => openBodyIn(bodyFolder, name) }

let restedAt = used()
function used(): number {
  const { user, system } = process.threadCpuUsage()
  return user + system
}
async function rest(): Promise<void> {
  const taken = used() - restedAt
  if (taken < SLICE_US) return
  await wait((REST * taken) / 1000)
  restedAt = used()
}

parentPort!.on('message', (message: unknown) => {
  const asked = withBuffers(message) as ToArchiver
  answer(asked).then(
    (result) => parentPort!.postMessage({ result } satisfies FromArchiver),
    (thrown: unknown) => parentPort!.postMessage({ failed: crossFault(thrown) } satisfies FromArchiver),
  )
})

async function answer(asked: ToArchiver): Promise<unknown> {
  // Log keys change while the process runs.
  const keys = readLogKeys(keyFolder)
  const maker = createArchiveMaker({ log, findKey: (id) => keys.byId.get(id), folder, rest })
  return 'plan' in asked ? maker.plan(asked.plan) : maker.make(asked.make)
}
