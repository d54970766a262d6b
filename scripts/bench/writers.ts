/**
 * `concordat bench writers`: processes that append to one message log on PostgreSQL, as workers and nodes do.
 * Numbers of processes take turns, each on a log of its own.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { newDatabases } from './databases-store.ts'
import { type Appended, appendTogether } from './log/append-together.ts'

const USAGE = `Usage: concordat bench writers --postgresql postgres://user@localhost/?host=FOLDER [--writers 1,2,4] [--at-once 4,16] [--rounds N] [--seconds N] [--json]

So many processes append to one message log, each with so many exchanges under way, whose records it commits together; each number of
processes with each number of exchanges for N seconds (5), N rounds (3) of it all. Real messages, bodies and signatures; no jobs run. Logs are in
databases that are made there and dropped at the end (a user who may make databases). Processor time of PostgreSQL counts if it is on this machine: its
processes of the log. With --json the last line is one object.
`
const MOST = 64
const MOST_AT_ONCE = 512

/** Exit code 0, 1 when it failed, 2 for wrong usage. */
export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      postgresql: { type: 'string' },
      writers: { type: 'string', default: '1,2,4' },
      'at-once': { type: 'string', default: '4,16' },
      rounds: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '5' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  const counts = numbersOf(values.writers, MOST)
  const sizes = numbersOf(values['at-once'], MOST_AT_ONCE)
  const [seconds] = numbersOf(values.seconds, 3600) ?? []
  const [rounds] = numbersOf(values.rounds, 1000) ?? []
  const { postgresql: url = '' } = values
  if (values.help || !URL.canParse(url) || !counts || !sizes || !seconds || !rounds) {
    ;(values.help ? process.stdout : process.stderr).write(USAGE)
    return values.help ? 0 : 2
  }
  const made = newDatabases(url)
  const directory = mkdtempSync(path.join(tmpdir(), 'concordat-bench-writers-'))
  const figures: (Appended & { writers: number; atOnce: number; load: number })[] = []
  try {
    const turns = sizes.flatMap((atOnce) => counts.map((writers) => ({ writers, atOnce })))
    for (let round = 0; round < rounds; round++)
      for (const [i, turn] of (round % 2 === 0 ? turns : turns.toReversed()).entries()) {
        const folder = path.join(directory, `${round}-${i}`)
        mkdirSync(folder, { mode: 0o700 })
        const database = await made.make(`${round}_${i}`)
        const load = Math.round(loadavg()[0]!)
        figures.push({ ...turn, load, ...(await appendTogether({ ...turn, database, folder, seconds })) })
        await made.drop()
        say(figures.at(-1)!)
      }
    if (values.json) process.stdout.write(`${JSON.stringify(figures)}\n`)
    return 0
  } catch (cause) {
    process.stderr.write(`The bench failed: ${(cause as Error).message}\n`)
    return 1
  } finally {
    await made.drop()
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Undefined unless all are whole numbers from 1 to `most`. */
function numbersOf(text: string, most: number): number[] | undefined {
  const numbers = text.split(',').map(Number)
  return numbers.every((one) => Number.isSafeInteger(one) && one >= 1 && one <= most) ? numbers : undefined
}

function say(one: Appended & { writers: number; atOnce: number; load: number }): void {
  const { writers, atOnce, load, groups, records, writerMicros, databaseMicros } = one
  const words = [
    `${writers} writers, ${atOnce} exchanges each:`.padEnd(32),
    `${records.toFixed(0)} records and ${groups.toFixed(0)} groups a second,`.padEnd(46),
    `${writerMicros.toFixed(0)} µs of a writer and ${databaseMicros.toFixed(0)} of PostgreSQL a record, load ${load}`,
  ]
  process.stdout.write(`${words.join(' ')}\n`)
}
