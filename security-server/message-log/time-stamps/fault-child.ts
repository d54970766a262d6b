/**
 * A process that time-stamps all waiting signatures once its standard input ends. It prints a line when it is
 * ready to begin.
 */
import { writeSync } from 'node:fs'
import { logOptions, openFullLog, signer } from '../fixture.ts'

const [folder, databaseUrl] = process.argv.slice(2) as [string, string]
const { stamp } = await signer()
const log = await openFullLog({ ...logOptions(folder, databaseUrl), stamp })
await log.recover()
writeSync(1, 'begins\n')
process.stdin.resume()
await new Promise((resolve) => process.stdin.once('end', resolve))
await log.timeStampNow()
writeSync(1, 'done\n')
await log.close()
