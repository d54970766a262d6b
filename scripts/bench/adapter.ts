/**
 * `concordat bench adapter`: requests a second of the SQL adapter beside a service written by hand that asks
 * the same of the same database, in alternating rounds of one run.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { tallyOf } from '../command-line/tally.ts'
import { type Started, scriptCommand, serverCommand, startProcess } from '../sandbox/processes.ts'
import { processorMicroseconds, runLoad } from './measure.ts'
import { type Made, makeMariadb, makePostgresql, makeSqlite } from './person-databases-store.ts'

const USAGE = `Usage: concordat bench adapter [--seconds N] [--connections N] [--network 127.88.2] [--json]
                               [--postgresql postgres://user@localhost/?host=FOLDER] [--mariadb mariadb://user@localhost/?socket=PATH]

Requests a second of the SQL adapter, and of a fastify service written by hand with the same queries of the same database
(12,000 rows), both over plain HTTP on this machine, turn by turn, and the
processor time of each for a request, which says more than the ratio on a busy machine. With --json the last line is one object.

  --postgresql, --mariadb  in place of an SQLite file: in a new database there, which is dropped at the end; the processor time is
                           without that of the database
`

const CASES = [
  { name: 'one row', path: '/persons/P00000042' },
  { name: 'page of 20', path: '/persons?familyName=Birchwood&limit=20' },
]
const ROUNDS = 3
/** Before the first round of a case, and before each. */
const WARM_UP_REQUESTS = 10_000
const WARM_UP_SECONDS = 0.5
const WARM_UP_MOST_SECONDS = 60

type Service = { url: string; pid: number }

/** Exit code 0, 1 when it failed, 2 for wrong usage. */
export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      seconds: { type: 'string', default: '5' },
      connections: { type: 'string', default: '32' },
      network: { type: 'string', default: '127.88.2' },
      postgresql: { type: 'string' },
      mariadb: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  const [seconds, connections] = [Number(values.seconds), Number(values.connections)]
  const { postgresql, mariadb } = values
  const isRight =
    seconds > 0 &&
    seconds <= 600 &&
    connections >= 1 &&
    connections <= 256 &&
    [postgresql, mariadb].every((url) => url === undefined || URL.canParse(url)) &&
    (postgresql === undefined || mariadb === undefined)
  if (values.help || !isRight) {
    ;(values.help ? process.stdout : process.stderr).write(USAGE)
    return values.help ? 0 : 2
  }
  const directory = mkdtempSync(path.join(tmpdir(), 'concordat-bench-'))
  const started: Started[] = []
  let made: Made | undefined
  try {
    made =
      postgresql !== undefined
        ? await makePostgresql(postgresql)
        : mariadb !== undefined
          ? await makeMariadb(mariadb)
          : makeSqlite(directory)
    const services = await startBoth(directory, values.network, started, made)
    const measured = []
    const tally = tallyOf({ what: 'measuring', unit: 'rounds', total: CASES.length * ROUNDS })
    process.stdout.write(
      'case         adapter/s by hand/s     ratio    p50 ms    p99 ms adapter µs by hand µs\n',
    )
    for (const { name, path } of CASES) {
      const load = async ({ url, pid }: Service, warmUpRequests = 0) => {
        const before = processorMicroseconds(pid)
        const result = await runLoad({
          ...{ url, path, method: 'GET', headers: {}, bodyBytes: 0 },
          ...{ connections, seconds, warmUpSeconds: WARM_UP_SECONDS, warmUpRequests },
          warmUpMostSeconds: WARM_UP_MOST_SECONDS,
        })
        return { ...result, microseconds: (processorMicroseconds(pid) - before) / result.requests }
      }
      for (const service of [services.byHand, services.adapter]) await load(service, WARM_UP_REQUESTS)
      const rounds = []
      for (let round = 0; round < ROUNDS; round++) {
        tally.at(measured.length * ROUNDS + round)
        rounds.push({ byHand: await load(services.byHand), adapter: await load(services.adapter) })
      }
      tally.end()
      const row = {
        case: name,
        adapterPerSecond: mean(rounds.map(({ adapter }) => adapter.perSecond)),
        byHandPerSecond: mean(rounds.map(({ byHand }) => byHand.perSecond)),
        p50Ms: mean(rounds.map(({ adapter }) => adapter.p50Ms)),
        p99Ms: mean(rounds.map(({ adapter }) => adapter.p99Ms)),
        adapterMicroseconds: mean(rounds.map(({ adapter }) => adapter.microseconds)),
        byHandMicroseconds: mean(rounds.map(({ byHand }) => byHand.microseconds)),
      }
      const ratio = row.adapterPerSecond / row.byHandPerSecond
      measured.push({ ...row, ratio })
      const figures = [row.adapterPerSecond.toFixed(0), row.byHandPerSecond.toFixed(0), ratio.toFixed(3)]
      const more = [row.p50Ms, row.p99Ms, row.adapterMicroseconds, row.byHandMicroseconds].map((value) =>
        value.toFixed(1),
      )
      process.stdout.write(
        `${[name.padEnd(11), ...figures, ...more].map((text) => text.padStart(10)).join('')}\n`,
      )
    }
    if (values.json) process.stdout.write(`${JSON.stringify({ cases: measured })}\n`)
    return 0
  } catch (cause) {
    process.stderr.write(`The bench failed: ${(cause as Error).message}\n`)
    return 1
  } finally {
    for (const one of started) await one.stop()
    await made?.drop()
    rmSync(directory, { recursive: true, force: true })
  }
}

async function startBoth(
  directory: string,
  network: string,
  started: Started[],
  { database }: Made,
): Promise<{ adapter: Service; byHand: Service }> {
  const [address, port] = [`${network}.1`, 9443]
  const field = (column?: string) => ({ type: 'string', ...(column !== undefined && { column }) })
  const fields = {
    ...{
      code: field(),
      givenName: field('given_name'),
      familyName: { ...field('family_name'), filters: ['eq'] },
    },
    // A text of the form of a date is one in SQLite alone.
    ...{
      born: { type: database.kind === 'sqlite' ? 'date' : 'string' },
      residence: field(),
      status: field(),
    },
  }
  const settings = {
    ...{ listen: { address, port }, monitoring: { address }, service: { code: 'persons', title: 'Persons' } },
    ...{ database, limits: { connections: 2 }, logLevel: 'info' },
    resources: [
      { path: '/persons/{code}', table: 'person', one: true, fields },
      { path: '/persons', table: 'person', key: ['code'], page: { standard: 20, most: 100 }, fields },
    ],
  }
  const settingsFile = path.join(directory, 'adapter.yaml')
  writeFileSync(settingsFile, JSON.stringify(settings))
  const adapter = await startProcess({
    ...{ name: 'adapter', command: serverCommand('adapter'), directory },
    args: ['sql', '--configuration', settingsFile],
  })
  started.push(adapter)
  const byHand = await startProcess({
    ...{ name: 'by hand', directory },
    command: scriptCommand(new URL('by-hand-store.ts', import.meta.url).pathname),
    args: [JSON.stringify({ address: `${network}.2`, port, database })],
  })
  started.push(byHand)
  return {
    adapter: { url: `http://${address}:${port}`, pid: adapter.pid },
    byHand: { url: `http://${network}.2:${port}`, pid: byHand.pid },
  }
}

function mean(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
