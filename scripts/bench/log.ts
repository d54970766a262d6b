/**
 * `concordat bench log`: makes a log with this many real records, then measures the work of an auditor and of
 * a restart on it.
 */
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { appendRatio } from './log/append.ts'
import { type LogFigures, measureLog, type Row } from './log/figures.ts'
import { fillLog, type LogPlace } from './log/fill.ts'
import { measureRetention } from './log/retention.ts'

const USAGE = `Usage: concordat bench log [--records N] [--directory folder] [--json]

Makes a message log of N records (1000000 by default) on the embedded store: real messages and bodies, a batch signature for
every 16, time-stamps, checkpoints. Then measures proofs, bundles, searches, a start, the whole verification and appending on it, and what archiving
and ending contents costs 200 exchanges a second beside it, which needs 50000 records or more. The folder, when it is named, must
be new and is kept. With --json the last line is one object.
`

const MAX_RECORDS = 100_000_000

export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      records: { type: 'string', default: '1000000' },
      directory: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  const records = Number(values.records)
  if (values.help || !(Number.isSafeInteger(records) && records >= 1000 && records <= MAX_RECORDS)) {
    ;(values.help ? process.stdout : process.stderr).write(USAGE)
    return values.help ? 0 : 2
  }
  const directory = values.directory ?? mkdtempSync(path.join(tmpdir(), 'concordat-bench-log-'))
  try {
    const place = placeIn(directory)
    const filled = await fillLog(place, records)
    const row: Row = ({ what, value }) => say(`${what.padEnd(40)}${value}`)
    row({ what: 'records', value: String(filled.records) })
    row({ what: 'records written a second', value: String(Math.round(filled.records / filled.seconds)) })
    const bytes = statSync(place.file).size / filled.records
    row({ what: 'bytes of database a record', value: String(Math.round(bytes)) })
    const figures: LogFigures = await measureLog(place, filled, row)
    const ratio = { appendRatio: await appendRatio(place, filled, row) }
    const retention = await measureRetention(place, filled, row)
    const { records: count, seconds } = filled
    const sizes = { bytesPerRecord: Math.round(bytes), bytesPerExchange: Math.round(2 * bytes) }
    const all = { records: count, fillSeconds: Math.round(seconds), ...sizes, ...ratio }
    if (values.json) say(JSON.stringify({ ...all, ...figures, ...retention }))
    return figures.holds ? 0 : 1
  } catch (cause) {
    process.stderr.write(`The bench failed: ${(cause as Error).message}\n`)
    return 1
  } finally {
    if (values.directory === undefined) rmSync(directory, { recursive: true, force: true })
  }
}

function placeIn(directory: string): LogPlace {
  const folder = path.resolve(directory)
  const place = {
    file: path.join(folder, 'log.db'),
    keyFolder: path.join(folder, 'keys'),
    bodyFolder: path.join(folder, 'bodies'),
  }
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  // Throws when the folder has a log already.
  for (const each of [place.keyFolder, place.bodyFolder]) mkdirSync(each, { mode: 0o700 })
  return place
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}
