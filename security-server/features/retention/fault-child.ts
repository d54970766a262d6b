/**
 * A process that archives and ends contents, to be killed by a test. It starts when its standard input has
 * ended. With a number as argument it prints `now` at that step of its log's worker and stops a few steps
 * later, so that the kill happens in the middle even on a slow machine. Without a number it prints `done` at
 * the end. With the text of a cluster key its archives go to the log's database, made by `child`.
 */
import { once } from 'node:events'
import { writeSync } from 'node:fs'
import path from 'node:path'
import type { Worker } from 'node:worker_threads'
import { openFullLog } from '../../message-log/full-log-fixture.ts'
import { inDatabase } from './archives/archives-fixture.ts'

const STEPS_LEFT_TO_KILL_IT = 3

const [folder, databaseUrl, directory, killedAt, clusterKey] = process.argv.slice(2) as [
  ...[string, string, string?, string?, string?],
]
const started = once(process, 'worker') as Promise<[Worker]>
const log = await openFullLog({
  databaseUrl,
  keyFolder: path.join(folder, 'keys'),
  bodyFolder: path.join(folder, 'bodies'),
  server: { instance: 'DEV', memberClass: 'GOV', memberCode: '1234', serverCode: 'ss1' },
  node: 'node1',
  clock: () => Date.now(),
  ...(clusterKey !== undefined && inDatabase(clusterKey, 'child')),
  archives: directory === undefined || directory === '' ? undefined : { directory, maxBytes: 400_000 },
})
await log.recover()
const [worker] = await started
writeSync(1, 'begins\n')
process.stdin.resume()
await new Promise((resolve) => process.stdin.once('end', resolve))
if (killedAt !== undefined && killedAt !== '') {
  let left = Number(killedAt)
  worker.on('message', () => {
    left -= 1
    if (left === 0) writeSync(1, 'now\n')
    if (left === -STEPS_LEFT_TO_KILL_IT) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  })
}
while ((await log.retention.run()) > 0);
writeSync(1, 'done\n')
await log.close()
