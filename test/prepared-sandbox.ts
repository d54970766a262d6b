/**
 * The folder of a sandbox that was set up and has ended. Setting one up starts every process of it and makes every key, so
 * each of the gate's places, in which one test file runs after the other, does so once: the next one begins with a copy.
 */
import { execFileSync, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import type { Description } from './world.ts'

export type PreparedSandbox = {
  directory: string
  /** The loopback network that everything in it listens on: three numbers. */
  network: string
  description: Description
  remove(): void
}

const CONCORDAT = path.join(import.meta.dirname, '../scripts/concordat')
// Settings and certificates name folder and addresses: a copy stands where the first one stood, and one at a time.
let place = process.env['TEST_PLACE']

/** A loopback network for one instance. */
export function randomNetwork(): string {
  return `127.${randomInt(64, 250)}.${randomInt(1, 250)}`
}

/** Whether this process begins with a copy, or makes what others copy. */
export function hasPlace(): boolean {
  return place !== undefined
}

/** One whose installation ceremony is still to come. */
export async function prepareSandbox(): Promise<PreparedSandbox> {
  const here = place
  // A second instance beside it needs folder and network of its own.
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
    const network = randomNetwork()
    const description = await setUp(directory, network)
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

/** With modes, which servers look at; sockets that are left over, too. */
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
  const child = spawn(CONCORDAT, args, {
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
