/**
 * A process that logs one body in a segment, to be killed by a test. It works when its standard input has
 * ended.
 */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { writeSync } from 'node:fs'
import { logOptions, openFullLog, signedRecord, spoolBody } from '../fixture.ts'

const [folder, databaseUrl] = process.argv.slice(2) as [string, string]
const log = await openFullLog(logOptions(folder, databaseUrl))
await log.recover()
const record = await signedRecord({ body: await spoolBody(log, randomBytes(100_000)) })
writeSync(1, 'begins\n')
process.stdin.resume()
await once(process.stdin, 'end')
await log.append(record)
await log.close()
