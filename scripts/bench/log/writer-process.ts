/** One process that appends to the log of `concordat bench writers` until it is killed. */
import path from 'node:path'
import { openWholeLog } from '#security-server/open-log.ts'
import type { WriterTask } from './append-together.ts'
import { createParties, logExchanges, SERVER } from './exchanges.ts'

const task = JSON.parse(process.argv[2]!) as WriterTask
const parties = await createParties(Date.now)
const log = await openWholeLog({
  databaseUrl: task.database,
  keyFolder: path.join(task.folder, 'keys'),
  bodyFolder: path.join(task.folder, 'bodies'),
  ...{ server: SERVER, node: task.node, clock: Date.now },
})
await log.recover()
// Until what runs often is compiled.
for (let i = 0; i < 60; i++) await logExchanges(log, parties, new Date(), task.atOnce)
process.send!('begun')
for (;;) await logExchanges(log, parties, new Date(), task.atOnce)
