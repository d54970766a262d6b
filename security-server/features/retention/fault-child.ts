/** A process that archives and ends contents over and over, once its standard input has ended, until it is killed; it prints a line when it begins. */
import { writeSync } from 'node:fs'
import path from 'node:path'
import { openFullLog } from '../../message-log/fixture.ts'

const [folder, databaseUrl, directory] = process.argv.slice(2) as [string, string, string | undefined]
const log = await openFullLog({
  databaseUrl,
  keyFolder: path.join(folder, 'keys'),
  bodyFolder: path.join(folder, 'bodies'),
  server: { instance: 'DEV', memberClass: 'GOV', memberCode: '1234', serverCode: 'ss1' },
  node: 'node1',
  clock: () => Date.now(),
  archives: directory === undefined ? undefined : { directory, maxBytes: 400_000 },
})
await log.recover()
writeSync(1, 'begins\n')
process.stdin.resume()
await new Promise((resolve) => process.stdin.once('end', resolve))
while ((await log.retention.run()) > 0);
writeSync(1, 'done\n')
await log.close()
