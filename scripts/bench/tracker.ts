/**
 * `concordat bench tracker`: what it takes to tell people who used their data, on a log of many exchanges.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { newDatabases } from './databases-store.ts'
import { askTracker } from './tracker/ask.ts'
import { fillUses, MOST_USES_OF_ONE, PEOPLE_OF_A_KIND } from './tracker/fill.ts'
import { openUses, type Uses } from './tracker/store.ts'

const LEAST = PEOPLE_OF_A_KIND * MOST_USES_OF_ONE * 2
const MOST = 20_000_000

const USAGE = `Usage: concordat bench tracker [--exchanges N] [--postgresql postgres://user@localhost/?host=FOLDER] [--questions N] [--directory folder] [--json]

A message log of N exchanges (1000000 by default, ${LEAST} or more) of the last ninety days, each about one person, on the embedded stores or, with
--postgresql, in three databases that are made there and dropped at the end (a user who may make databases); --database names an empty one for the log alone. The index by person is filled by its own functions. Then ${PEOPLE_OF_A_KIND} people each with 1, 100 and 1000 uses ask in turn, 100 times of
each kind or --questions: findUsage of Estonia's protocol, with all uses on the page, and our own form, with 100. Times are of the answer, without the exchange around
it and without the steps of 10 ms in which a tracker gives it. With --json the last line is one object.
`

/** Exit code 0, 1 when it failed, 2 for wrong usage. */
export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      exchanges: { type: 'string', default: '1000000' },
      questions: { type: 'string', default: '100' },
      database: { type: 'string' },
      postgresql: { type: 'string' },
      directory: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  const [exchanges, questions] = [Number(values.exchanges), Number(values.questions)]
  const isSound =
    Number.isSafeInteger(exchanges) &&
    exchanges >= LEAST &&
    exchanges <= MOST &&
    Number.isSafeInteger(questions) &&
    questions >= 1 &&
    questions <= 100_000 &&
    (values.postgresql === undefined || (values.database === undefined && URL.canParse(values.postgresql)))
  if (values.help || !isSound) {
    ;(values.help ? process.stdout : process.stderr).write(USAGE)
    return values.help ? 0 : 2
  }
  const directory = values.directory ?? mkdtempSync(path.join(tmpdir(), 'concordat-bench-tracker-'))
  const made = values.postgresql === undefined ? undefined : newDatabases(values.postgresql)
  let uses: Uses | undefined
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    uses = await openUses({ directory, databases: await databasesOf(made, values.database) })
    const filled = await fillUses(uses, exchanges)
    say('exchanges', String(exchanges))
    say('records written a second', String(Math.round((2 * exchanges) / filled.seconds)))
    const figures = await askTracker(uses, { ...filled, questions }, say)
    if (values.json) process.stdout.write(`${JSON.stringify({ exchanges, ...figures })}\n`)
    return 0
  } catch (cause) {
    process.stderr.write(`The bench failed: ${(cause as Error).message}\n`)
    return 1
  } finally {
    await uses?.close()
    await made?.drop()
    if (values.directory === undefined) rmSync(directory, { recursive: true, force: true })
  }
}

async function databasesOf(
  made: ReturnType<typeof newDatabases> | undefined,
  log: string | undefined,
): Promise<Parameters<typeof openUses>[0]['databases']> {
  if (made === undefined) return log === undefined ? {} : { log }
  return { log: await made.make('log'), server: await made.make('server'), keys: await made.make('keys') }
}

function say(what: string, value: string): void {
  process.stdout.write(`${what.padEnd(44)}${value}\n`)
}
