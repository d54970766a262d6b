/** A process that appends under load until it is killed; it prints every acknowledged record, and that only. */
import { writeSync } from 'node:fs'
import { logOptions, signedRecord } from './fixture.ts'
import { openMessageLog } from './message-log.ts'

const [folder, url] = process.argv.slice(2) as [string, string]
const log = await openMessageLog(logOptions(folder, url))
const recovered = await log.recover()
writeSync(1, `recovered ${recovered}\n`)
const template = await signedRecord()
setInterval(() => void Promise.all([log.maintain(), log.checkpointNow()]).catch(() => undefined), 20)

async function exchange(): Promise<void> {
  for (;;) {
    const request = await log.append({ ...template, time: new Date() })
    writeSync(1, `${request.index} ${request.leaf.toString('hex')}\n`)
    const reply = await log.append({ ...template, kind: 'reply', direction: 'out', answers: request.index })
    writeSync(1, `${reply.index} ${reply.leaf.toString('hex')}\n`)
  }
}
await Promise.all(Array.from({ length: 8 }, exchange))
