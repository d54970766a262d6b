/**
 * `concordat bench portal`: what a person waits for who looks who used their data: the first rows, and all of
 * them, at the portal's own process; beside it, in the same run, what the systems that it asks take by
 * themselves.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Agent, request } from 'undici'
import { tallyOf } from '../command-line/tally.ts'
import { type AnsweringSystems, startSystems } from './portal/answering-systems.ts'
import { startProvider } from './portal/sign-in.ts'

const USAGE = `Usage: concordat bench portal [--uses N] [--systems N] [--answer-ms N] [--looks N] [--network 127.88.5] [--json]

The citizens' portal in a process of its own, and a person who looks 30 times at 1000 uses, each told by both sides, over 20 systems that
answer each question after 50 ms (findUsage's bound), unless told otherwise; beside it the same questions, asked 16 at once
without a portal. With --json the last line is one object.
`
const [PORT, MONITORING] = [9450, 9444]
const AT_ONCE = 16
const WARM_UP = 5
const START_SECONDS = 60
/** Rows of one system, as it answers; an entry of the whole list, at the end. */
const FIRST_ROWS = '<ol class="lines">'
const ENTRY = '<li class="use '

type Look = { first: number; all: number; entries: number; bytes: number }

/** Exit code 0, 1 when it failed, 2 for wrong usage. */
export async function run(args: string[]): Promise<number> {
  const number = (standard: string) => ({ type: 'string', default: standard }) as const
  const { values } = parseArgs({
    args,
    options: {
      ...{ uses: number('1000'), systems: number('20'), 'answer-ms': number('50'), looks: number('30') },
      network: { type: 'string', default: '127.88.5' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  const [uses, systems, answerMs, looks] = [
    values.uses,
    values.systems,
    values['answer-ms'],
    values.looks,
  ].map(Number)
  const isSound =
    uses! >= 1 && systems! >= 2 && systems! <= 200 && answerMs! >= 0 && looks! >= 3 && looks! <= 500
  if (values.help || !isSound) {
    ;(values.help ? process.stdout : process.stderr).write(USAGE)
    return values.help ? 0 : 2
  }
  try {
    const result = await measure({
      ...{ uses: uses!, systems: systems!, answerMs: answerMs! },
      looks: looks!,
      network: values.network,
    })
    const { first, all, without, processor } = result
    process.stdout.write(`${uses} uses over ${systems} systems, each answering after ${answerMs} ms; a page of ${result.entries} entries, ${Math.round(result.bytes / 1024)} KB
                          median     95 %
first rows            ${cell(first.median)} ${cell(first.high)} ms
all rows              ${cell(all.median)} ${cell(all.high)} ms
systems without it    ${cell(without.median)} ${cell(without.high)} ms
processor time of the portal for a look: ${processor.toFixed(0)} ms
`)
    if (values.json) process.stdout.write(`${JSON.stringify(result)}\n`)
    return 0
  } catch (cause) {
    process.stderr.write(`The bench failed: ${(cause as Error).message}\n`)
    return 1
  }
}

async function measure(q: {
  uses: number
  systems: number
  answerMs: number
  looks: number
  network: string
}) {
  const [address, far] = [`${q.network}.1`, `${q.network}.2`]
  const url = `http://${address}:${PORT}`
  const directory = mkdtempSync(path.join(tmpdir(), 'concordat-bench-portal-'))
  const systems = await startSystems({ address: far, ...q })
  const provider = await startProvider(far, url)
  let portal: ChildProcess | undefined
  try {
    portal = startPortal(directory, { address, url, provider, systems })
    await readiness(`http://${address}:${MONITORING}/health/ready`, portal)
    const cookie = await provider.signIn(url)
    for (let at = 0; at < WARM_UP; at++) await look(url, cookie)
    const before = await processorSeconds(address)
    const seen: Look[] = []
    const without: number[] = []
    const tally = tallyOf({ what: 'measuring', unit: 'looks', total: q.looks })
    for (let at = 0; at < q.looks; at++) {
      seen.push(await look(url, cookie))
      without.push(await askWithout(systems))
      tally.at(at + 1)
    }
    tally.end()
    const processor = ((await processorSeconds(address)) - before) * 1000
    const last = seen.at(-1)!
    return {
      ...{ uses: q.uses, entries: last.entries, bytes: last.bytes },
      first: figures(seen.map((one) => one.first)),
      all: figures(seen.map((one) => one.all)),
      ...{ without: figures(without), processor: processor / q.looks },
    }
  } finally {
    portal?.kill()
    systems.close()
    await provider.close()
    rmSync(directory, { recursive: true, force: true })
  }
}

function startPortal(
  directory: string,
  q: {
    address: string
    url: string
    provider: { issuer: string; client: { id: string; secret: string } }
    systems: AnsweringSystems
  },
): ChildProcess {
  const { address, url, provider, systems } = q
  writeFileSync(path.join(directory, 'secret'), provider.client.secret, { mode: 0o600 })
  const file = path.join(directory, 'portal.yaml')
  const settings = {
    ...{ listen: { address, port: PORT }, monitoring: { address, port: MONITORING }, name: 'My data' },
    ...{
      contact: 'nobody',
      person: { claim: 'personal_code' },
      asking: { perHour: 10_000, atOnce: AT_ONCE },
    },
    login: {
      issuer: provider.issuer,
      clientId: provider.client.id,
      clientSecretFile: './secret',
      baseUrl: url,
    },
    securityServer: { url: systems.url, client: 'DEV/GOV/1999/portal' },
    logLevel: 'error',
  }
  // YAML reads JSON.
  writeFileSync(file, JSON.stringify(settings))
  const program = path.join(import.meta.dirname, '../concordat')
  return spawn(program, ['portal', '--configuration', file], { stdio: ['ignore', 'ignore', 'inherit'] })
}

async function readiness(url: string, portal: ChildProcess): Promise<void> {
  for (let at = 0; at < START_SECONDS * 10; at++) {
    if (portal.exitCode !== null) throw new Error('the portal ended')
    const status = await fetch(url).then(
      (reply) => reply.body?.cancel().then(() => reply.status),
      () => 0,
    )
    if (status === 200) return
    await wait(100)
  }
  throw new Error('the portal was not ready in time')
}

/** One look at the list, as it comes: when the first row is there, and when the whole is. */
async function look(url: string, cookie: string): Promise<Look> {
  const began = performance.now()
  const { statusCode, body } = await request(`${url}/`, { headers: { cookie } })
  if (statusCode !== 200) throw new Error(`the portal answered with status ${statusCode}`)
  let [text, first] = ['', 0]
  for await (const chunk of body) {
    text += String(chunk)
    if (first === 0 && text.includes(FIRST_ROWS)) first = performance.now() - began
  }
  const all = performance.now() - began
  const entries = text.split(ENTRY).length - 1
  if (first === 0 || entries === 0) throw new Error('the page shows no uses')
  return { first, all, entries, bytes: Buffer.byteLength(text) }
}

/** The same questions to the same systems, as many at once. */
async function askWithout({ url, paths }: AnsweringSystems): Promise<number> {
  const dispatcher = new Agent({ connections: AT_ONCE })
  const began = performance.now()
  await Promise.all(
    paths.map(async (at) => {
      const { body } = await request(`${url}${at}`, { dispatcher })
      await body.text()
    }),
  )
  const taken = performance.now() - began
  await dispatcher.close()
  return taken
}

async function processorSeconds(address: string): Promise<number> {
  const { body } = await request(`http://${address}:${MONITORING}/metrics`)
  const [, text = ''] = /^process_cpu_seconds (\S+)/m.exec(await body.text()) ?? []
  return Number(text)
}

function figures(times: number[]): { median: number; high: number } {
  const sorted = [...times].sort((a, b) => a - b)
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!
  return { median: at(0.5), high: at(0.95) }
}

function cell(ms: number): string {
  return ms.toFixed(0).padStart(8)
}
