/**
 * A process that logs a record for each line of its standard input and prints its index, or what kept it from
 * that: to be stopped by a test.
 */
import { writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { asFault } from '#schemas/fault.ts'
import { logOptions, openFullLog, signedRecord } from '../fixture.ts'

const [folder, databaseUrl] = process.argv.slice(2) as [string, string]
const log = await openFullLog({ ...logOptions(folder, databaseUrl), node: 'node2' })
await log.recover()
writeSync(1, 'begins\n')
for await (const _line of createInterface({ input: process.stdin }))
  writeSync(1, `${await log.append(await signedRecord()).then(({ index }) => index, said)}\n`)
await log.close()

function said(thrown: unknown): string {
  const { code, message } = asFault(thrown)
  return `${code}: ${message}`
}
