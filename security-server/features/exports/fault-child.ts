/** A process that makes one export in small parts until it is killed; it prints a line when it has begun and when it is done. */
import { writeSync } from 'node:fs'
import path from 'node:path'
import { openDatabase } from '#platform/database/open-database.ts'
import { openMessageLog } from '../../message-log/message-log.ts'
import { createExports } from './create-exports.ts'

const PART = 3

const [folder, logUrl, databaseUrl, id] = process.argv.slice(2) as [string, string, string, string]
const messageLog = await openMessageLog({
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
    window: (q) => messageLog.window({ ...q, size: Math.min(q.size, q.after + 1 + PART) }),
  },
  directory: path.join(folder, 'exports'),
  node: 'node1',
  clock: Date.now,
})
writeSync(1, 'begins\n')
await exports.run(id, new AbortController().signal)
writeSync(1, 'done\n')
await database.close()
await messageLog.close()
