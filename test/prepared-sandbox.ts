/**
 * The folder of a sandbox that was set up and has ended. Setting one up starts all its processes and makes
 * all its keys. So it is done once at each place of the gate, where test files run one after the other: later
 * files begin with a copy.
 */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { holdNetwork } from '#scripts/test/hold-network.ts'
import { quickToken } from '#security-server/keys/token-fixture.ts'
import { concordatProgram } from './concordat-program.ts'
import type { Description } from './world.ts'

export type PreparedSandbox = {
  directory: string
  /** The loopback network on which all its processes listen: three numbers. */
  network: string
  description: Description
  remove(): void
}

// Settings and certificates contain the folder and the addresses, so a copy must have the folder of the
// original, and only one can exist at a time.
let place = process.env['TEST_PLACE']
// Held by the gate, since no test is there from the first to the last.
const networkOfPlace = process.env['TEST_NETWORK']

/** Whether this process begins with a copy, or makes the original. */
export function hasPlace(): boolean {
  return place !== undefined
}

/** A sandbox whose installation ceremony has not taken place. */
export async function prepareSandbox(): Promise<PreparedSandbox> {
  const here = place
  // A second instance needs a folder and a network of its own.
  place = undefined
  const folder = here ?? mkdtempSync(path.join(tmpdir(), 'concordat-sandbox-'))
  const directory = path.join(folder, 'sandbox')
  const kept = path.join(folder, 'kept')
  const remove = (): void => rmSync(here === undefined ? folder : directory, { recursive: true, force: true })
  if (here !== undefined && existsSync(kept)) {
    remove()
    copyFolder(path.join(kept, 'sandbox'), directory)
  } else {
    mkdirSync(folder, { recursive: true })
    const network = (here === undefined ? undefined : networkOfPlace) ?? (await holdNetwork())
    const description = await setUp(directory, network)
    await quickTokens(description)
    if (here === undefined) return { directory, network, description, remove }
    const part = `${kept}.part`
    rmSync(part, { recursive: true, force: true })
    mkdirSync(part)
    copyFolder(directory, path.join(part, 'sandbox'))
    writeFileSync(path.join(part, 'description.json'), JSON.stringify({ network, description }))
    renameSync(part, kept)
  }
  const { network, description } = JSON.parse(
    readFileSync(path.join(kept, 'description.json'), 'utf8'),
  ) as Pick<PreparedSandbox, 'network' | 'description'>
  return { directory, network, description, remove }
}

/** Most journeys start their servers several times, and each start unlocks the server's token. */
async function quickTokens({ servers }: Description): Promise<void> {
  for (const { directory } of Object.values(servers))
    await quickToken(path.join(directory, 'keys'), readFileSync(path.join(directory, 'pin'), 'utf8').trim())
}

/** With modes, which servers check; also sockets that were left. */
function copyFolder(from: string, to: string): void {
  execFileSync('cp', ['-a', from, to], { stdio: 'ignore' })
}

async function setUp(directory: string, network: string): Promise<Description> {
  const args = [
    'sandbox',
    '--once',
    '--no-exchange',
    '--no-installation',
    '--json',
    '--directory',
    directory,
    '--network',
    network,
  ]
  const child = spawn(concordatProgram(), args, {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [out, errors, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ])
  if (code !== 0) throw new Error(`the instance could not be set up: ${errors}`)
  return JSON.parse(out) as Description
}
