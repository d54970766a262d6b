/**
 * A process that keeps bodies in the database, to be killed by a test. It prints where it is, and goes on
 * when its standard input brings a line.
 */
import { once } from 'node:events'
import { writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { logOptions, openFullLog, signedRecord } from '../fixture.ts'

const [folder, databaseUrl] = process.argv.slice(2) as [string, string]
const lines = createInterface({ input: process.stdin })
const step = async (what: string): Promise<void> => {
  writeSync(1, `${what}\n`)
  await once(lines, 'line')
}
const log = await openFullLog({ ...logOptions(folder, databaseUrl), bodyPlace: 'database' })
await log.recover()
const writer = log.spool.begin({ maxBytes: 10_000_000 })
for (let n = 0; n < 3; n++) await writer.write(Buffer.alloc(600_000, n))
await step('some pieces')
const body = await writer.end()
await step('all pieces')
const { index } = await log.append(await signedRecord({ body }))
await step(`record ${index}`)
