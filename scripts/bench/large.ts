/**
 * `concordat bench large`: bodies larger than memory, each way through two security servers, with the body
 * kept in both logs and without, and an upload that breaks off. Says how much each server grew, and what is
 * left on the disk.
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Readable } from 'node:stream'
import { parseArgs } from 'node:util'
import { request } from 'undici'
import { tallyOf } from '../command-line/tally.ts'
import { putInForce } from '../sandbox/put-in-force.ts'
import { manyBytes } from './many-bytes.ts'
import { residentMb } from './measure.ts'
import { type Pairs, SERVICE, startPairs } from './pairs.ts'
import { termsOf } from './terms.ts'

const USAGE = `Usage: concordat bench large [--megabytes N] [--directory folder] [--network 127.88.3] [--json]

A body of N MB (default 10000) up and down between two security servers, kept in both logs and, under a contract that keeps digests only,
in none; then an upload that breaks off half way. Needs the disk for four bodies in --directory (default: the temporary folder).
`
const MB = 1_000_000
const WARM_UP_BYTES = 1000
/** Seconds. */
const DELETED_TRIES = 30

type Row = {
  case: string
  seconds: number
  megabytesPerSecond: number
  /**
   * Of the consumer's and of the provider's server: how far the largest resident memory lies above that
   * before the case.
   */
  grownMb: number[]
  /** How much the files of all servers grew. */
  diskMb: number
}

/** Exit code 0, 1 when it failed, 2 for wrong usage. */
export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      megabytes: { type: 'string', default: '10000' },
      directory: { type: 'string', default: tmpdir() },
      network: { type: 'string', default: '127.88.3' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  const size = Number(values.megabytes) * MB
  if (values.help || !Number.isSafeInteger(size) || size <= 0) {
    ;(values.help ? process.stdout : process.stderr).write(USAGE)
    return values.help ? 0 : 2
  }
  const directory = mkdtempSync(path.join(values.directory, 'concordat-bench-'))
  let pairs: Pairs | undefined
  try {
    pairs = await startPairs(directory, values.network)
    const cases = await measureAll(pairs, size, directory)
    if (values.json) process.stdout.write(`${JSON.stringify({ cases })}\n`)
    return 0
  } catch (cause) {
    process.stderr.write(`The bench failed: ${(cause as Error).message}\n`)
    return 1
  } finally {
    await pairs?.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}

async function measureAll(pairs: Pairs, size: number, directory: string): Promise<Row[]> {
  const digest = digestOf(manyBytes(size))
  const { url, prefix, headers } = pairs.concordat
  const to = { url: `${url}${prefix}`, headers }
  // What a server needs for its first messages it keeps; only what a large body adds counts.
  for (let n = 0; n < 200; n++) await download(to, WARM_UP_BYTES)
  await download(to, 200 * MB)
  await upload(to, 200 * MB)
  const rows: Row[] = []
  const measure = async (
    name: string,
    act: () => Promise<string | undefined>,
    keeps = false,
  ): Promise<void> => {
    const before = pairs.serverPids.map(startPeak)
    const disk = diskMb(directory)
    const began = performance.now()
    const found = await act()
    const seconds = (performance.now() - began) / 1000
    if (found !== undefined && found !== digest) throw new Error(`${name}: other bytes arrived`)
    const grownMb = pairs.serverPids.map((pid, at) => Math.round(peakMb(pid) - before[at]!))
    const row = {
      ...{ case: name, seconds: Math.round(seconds), grownMb },
      megabytesPerSecond: Math.round(size / MB / seconds),
      diskMb: Math.round((keeps ? diskMb(directory) : await leftOnDisk(directory, disk)) - disk),
    }
    rows.push(row)
    process.stdout.write(`${name.padEnd(24)}${line(row)}\n`)
  }
  process.stdout.write(`${'case'.padEnd(24)}   seconds      MB/s    consumer +MB  provider +MB   disk +MB\n`)
  await measure('up, logged', () => upload(to, size), true)
  await measure('down, logged', () => download(to, size), true)
  await measure('up, broken off', () => breakOff(to, size / 2))
  await putInForce(
    pairs.instance,
    termsOf(pairs.instance.layout, {
      title: 'Large bodies that no log keeps',
      services: [{ serviceCode: SERVICE, endpoints: [{ method: '*', path: '/**' }] }],
      logLevel: 'digest',
    }),
    { consumer: pairs.instance.layout.agencies.tax, provider: pairs.instance.layout.agencies.population },
  )
  await measure('up, digest alone', () => upload(to, size))
  await measure('down, digest alone', () => download(to, size))
  return rows
}

function line({ seconds, megabytesPerSecond, grownMb, diskMb }: Row): string {
  return [seconds, megabytesPerSecond, ...grownMb, diskMb]
    .map((figure, at) => String(figure).padStart([10, 10, 16, 14, 11][at]!))
    .join('')
}

type Target = { url: string; headers: Record<string, string> }

/** The digest of what came. */
async function download({ url, headers }: Target, size: number): Promise<string> {
  const reply = await request(`${url}/large/${size}`, { headers, headersTimeout: 0, bodyTimeout: 0 })
  if (reply.statusCode !== 200) throw new Error(`${reply.statusCode} ${await reply.body.text()}`)
  const digest = createHash('sha256')
  for await (const chunk of counted(reply.body as AsyncIterable<Buffer>, size, 'down')) digest.update(chunk)
  return digest.digest('hex')
}

/** The digest that the provider's system says. */
async function upload({ url, headers }: Target, size: number): Promise<string> {
  const reply = await request(`${url}/large`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/octet-stream' },
    body: Readable.from(counted(manyBytes(size), size, 'up')),
    headersTimeout: 0,
    bodyTimeout: 0,
  })
  const text = await reply.body.text()
  if (reply.statusCode !== 200) throw new Error(`${reply.statusCode} ${text}`)
  return text
}

async function* counted(
  chunks: Iterable<Buffer> | AsyncIterable<Buffer>,
  size: number,
  what: string,
): AsyncGenerator<Buffer> {
  const tally = tallyOf({ what, unit: 'MB', total: size / MB })
  let bytes = 0
  try {
    for await (const chunk of chunks) {
      bytes += chunk.length
      tally.at(bytes / MB)
      yield chunk
    }
  } finally {
    tally.end()
  }
}

async function breakOff({ url, headers }: Target, size: number): Promise<undefined> {
  const broken = new Error('broken off')
  const part = function* (): Generator<Buffer> {
    yield* manyBytes(size)
    throw broken
  }
  try {
    await request(`${url}/large`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/octet-stream' },
      body: Readable.from(part()),
    })
  } catch (cause) {
    if (cause === broken || (cause as Error).cause === broken) return undefined
    throw cause
  }
  throw new Error('half an upload was answered')
}

function digestOf(chunks: Iterable<Buffer>): string {
  const digest = createHash('sha256')
  for (const chunk of chunks) digest.update(chunk)
  return digest.digest('hex')
}

/** The resident memory now, from which the kernel notes the largest anew. */
function startPeak(pid: number): number {
  writeFileSync(`/proc/${pid}/clear_refs`, '5')
  return residentMb(pid)!
}

function peakMb(pid: number): number {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024
}

function diskMb(directory: string): number {
  return Number(execFileSync('du', ['-sk', directory], { encoding: 'utf8' }).split('\t')[0]) / 1000
}

/** Where nothing is kept, what is left when the servers have had the time to delete it. */
async function leftOnDisk(directory: string, before: number): Promise<number> {
  for (let tries = 0; tries < DELETED_TRIES && diskMb(directory) > before + 1; tries++)
    await new Promise((resolve) => setTimeout(resolve, 1000))
  return diskMb(directory)
}
