/**
 * The thread that makes archives: it receives plans and questions, and returns plans and finished files. It
 * changes nothing in the log.
 */

import { setTimeout as wait } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { openStoredFileStore } from '#platform/stored-files/store.ts'
import { createStoredFiles } from '#platform/stored-files/stored-files.ts'
import { crossFault } from '#platform/threads/crossed-fault.ts'
import { withBuffers } from '#platform/threads/with-buffers.ts'
import { bodyReader } from '../../../message-log/bodies.ts'
import { readLogKeys } from '../../../message-log/keys/log-keys.ts'
import { openLogDatabase } from '../../../message-log/log-store.ts'
import { withIndex } from '../../../reading/indexed-log.ts'
import type { ArchivedLog, FromArchiver, ToArchiver } from './archive-messages.ts'
import { createArchiveMaker } from './make-archive.ts'

/**
 * How much processor time (microseconds) is used before a pause, and how long the pause is in proportion to
 * it. In the pauses exchanges have the machine.
 */
const SLICE_US = 20_000
const REST = 0.25

const { databaseUrl, keyFolder, bodyFolder, sealing } = withBuffers(workerData) as ArchivedLog
const log = withIndex(await openLogDatabase(databaseUrl, { readOnly: true }))
const folder = bodyReader(log.database, bodyFolder)
const files =
  sealing && createStoredFiles({ ...sealing, store: (await openStoredFileStore(databaseUrl)).store })

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
  // Read for each question, because log keys change while the process runs.
  const keys = readLogKeys(keyFolder)
  const maker = createArchiveMaker({ log, findKey: (id) => keys.byId.get(id), folder, files, rest })
  return 'plan' in asked ? maker.plan(asked.plan) : maker.make(asked.make)
}
