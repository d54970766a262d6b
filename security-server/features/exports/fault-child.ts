/**
 * A process that makes one export in small steps, to be killed by a test. With a number as argument it prints
 * `now` at the start of that step and stops a few steps later, so that the kill happens in the middle even on
 * a slow machine. Without a number it prints `done` at the end. With the text of a cluster key the file is in
 * the server's database.
 */
import { writeSync } from 'node:fs'
import path from 'node:path'
import { openDatabase } from '#platform/database/open-database.ts'
import { openWholeLog } from '../../open-log.ts'
import { createExports } from './create-exports.ts'
import { exportsInDatabase } from './exports-in-database-fixture.ts'

const PART = 3
const PARTS_LEFT_TO_KILL_IT = 3

const [folder, logUrl, databaseUrl, id, killedAt, clusterKey] = process.argv.slice(2) as [
  ...[string, string, string, string, string?, string?],
]
// NaN if the process is not to be killed: no step is equal to it.
const target = killedAt === undefined || killedAt === '' ? Number.NaN : Number(killedAt)
let part = 0
const messageLog = await openWholeLog({
  databaseUrl: logUrl,
  keyFolder: path.join(folder, 'keys'),
  bodyFolder: path.join(folder, 'bodies'),
  server: { instance: 'DEV', memberClass: 'GOV', memberCode: '1234', serverCode: 'ss1' },
  node: 'node1',
  clock: Date.now,
})
await messageLog.recover()
const database = await openDatabase(databaseUrl)
const exports = await createExports({
  database,
  messageLog: {
    ...messageLog,
    window: async (q) => {
      part += 1
      if (part === target) writeSync(1, 'now\n')
      if (part === target + PARTS_LEFT_TO_KILL_IT)
        await new Promise(() => setInterval(() => undefined, 60_000))
      return messageLog.window({ ...q, size: Math.min(q.size, q.after + 1 + PART) })
    },
  },
  directory: path.join(folder, 'exports'),
  ...(clusterKey !== undefined && { inDatabase: exportsInDatabase(clusterKey) }),
  node: 'node1',
  clock: Date.now,
})
await exports.run(id, new AbortController().signal)
writeSync(1, 'done\n')
await database.close()
await messageLog.close()
