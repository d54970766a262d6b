/**
 * A SoftHSM of a test's own behind a `p11-kit server`: a token with a PIN, its files in a temporary folder,
 * its processes in a group of their own that ends with the test.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t, { type Test } from 'tap'
import { freeze } from './freeze-process.ts'
import { findProgram } from './outside-tools.ts'
import { until } from './until.ts'

const MODULES = [
  '/usr/lib/softhsm/libsofthsm2.so',
  '/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so',
  '/usr/lib64/pkcs11/libsofthsm2.so',
  '/usr/local/lib/softhsm/libsofthsm2.so',
]
const SO_PIN = '87654321'

export const LABEL = 'agency'
export const PIN = 'Qx7-river-Lm2'

type SoftHsm = {
  socket: string
  /** Ends the server and every process of the module, like a device that is pulled out. */
  stop(): Promise<void>
  start(): Promise<void>
  /** Kills only the module's processes; the server goes on. */
  crashModule(): void
  /** Freezes all processes, like a device that hangs, until `thaw`. */
  freeze(): Promise<void>
  thaw(): void
  /** Makes another token in the same device. */
  addToken(label: string): void
  /** Sets the PIN with the tool of the token's maker. */
  setPin(pin: string): void
  /** Makes a signing key, as the token's owner does with the maker's tool; `id` in hex. */
  makeKey(id: string, type?: string, ...more: string[]): void
  /** Runs OpenSC's pkcs11-tool; returns its output. */
  pkcs11Tool(...args: string[]): string
}

/** Whether SoftHSM and p11-kit's server are on this machine. */
export function hasSoftHsm(): boolean {
  return (
    modulePath() !== undefined && ['p11-kit', 'softhsm2-util', 'pkcs11-tool'].every((name) => program(name))
  )
}

export async function startSoftHsm(): Promise<SoftHsm> {
  const folder = mkdtempSync(path.join(tmpdir(), 'concordat-hsm-'))
  const socket = path.join(folder, 'socket')
  const module = modulePath()!
  const settings = path.join(folder, 'softhsm2.conf')
  mkdirSync(path.join(folder, 'tokens'))
  writeFileSync(
    settings,
    `directories.tokendir = ${path.join(folder, 'tokens')}\nobjectstore.backend = file\n`,
  )
  const env = { ...process.env, SOFTHSM2_CONF: settings }
  const run = (name: string, args: string[]): string =>
    execFileSync(program(name)!, args, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  const addToken = (label: string): void => {
    run('softhsm2-util', ['--init-token', '--free', '--label', label, '--pin', PIN, '--so-pin', SO_PIN])
  }
  const pkcs11Tool = (...args: string[]): string =>
    run('pkcs11-tool', ['--module', module, '--token-label', LABEL, ...args])
  let child: ChildProcess | undefined
  const signalGroup = (signal: NodeJS.Signals): void => {
    if (child?.pid === undefined) return
    try {
      process.kill(-child.pid, signal)
    } catch {
      // It has ended already.
    }
  }
  const killGroup = (): void => signalGroup('SIGKILL')

  async function stop(): Promise<void> {
    if (child === undefined) return
    const ended = child.exitCode !== null || child.signalCode !== null
    const exit = ended ? undefined : new Promise((resolve) => child?.once('exit', resolve))
    child.ref()
    killGroup()
    await exit
    child = undefined
    rmSync(socket, { force: true })
  }

  async function start(): Promise<void> {
    const args = ['server', '--foreground', '--name', socket, '--provider', module, 'pkcs11:']
    child = spawn(program('p11-kit')!, args, { env, detached: true, stdio: 'ignore' })
    child.unref()
    // The file exists a moment before the server listens.
    await until('the p11-kit server for tests', () => answers(socket))
  }

  process.on('exit', killGroup)
  t.teardown(async () => {
    await stop()
    rmSync(folder, { recursive: true, force: true })
  })
  addToken(LABEL)
  await start()
  return {
    socket,
    stop,
    start,
    addToken,
    crashModule() {
      for (const pid of processesOf(child!.pid!)) process.kill(pid, 'SIGKILL')
    },
    freeze: () => freeze([child!.pid!, ...processesOf(child!.pid!)]),
    thaw: () => signalGroup('SIGCONT'),
    setPin: (pin) =>
      void run('pkcs11-tool', [
        ...['--module', module, '--token-label', LABEL, '--login', '--login-type', 'so'],
        ...['--so-pin', SO_PIN, '--init-pin', '--new-pin', pin],
      ]),
    makeKey: (id, type = 'EC:prime256v1', ...more) =>
      void pkcs11Tool(
        ...['--login', '--pin', PIN, '--keypairgen', '--key-type', type, '--sensitive', '--usage-sign'],
        ...['--label', 'vendor', '--id', id],
        ...more,
      ),
    pkcs11Tool,
  }
}

/**
 * Returns a function that counts the buffers, made by `Buffer.from` from now until the test ends, that still
 * contain this secret.
 */
export function copiesOf(t: Test, secret: string): () => number {
  const { from } = Buffer
  const made: Buffer[] = []
  t.capture(Buffer, 'from', ((...q: Parameters<typeof from>) => {
    const one = from(...q)
    if (one.toString() === secret) made.push(one)
    return one
  }) as typeof from)
  return () => made.filter((one) => one.toString() === secret).length
}

function answers(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = connect({ path: socket }, () => {
      connection.destroy()
      resolve(true)
    })
    connection.once('error', () => resolve(false))
  })
}

/** The processes of a group except its leader (proc(5): pid, name in brackets, state, parent, group). */
function processesOf(group: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== group)
    .filter((name) => {
      try {
        const after = readFileSync(`/proc/${name}/stat`, 'utf8').split(') ').at(-1) ?? ''
        return Number(after.split(' ')[2]) === group
      } catch {
        return false // It has ended meanwhile.
      }
    })
    .map(Number)
}

function modulePath(): string | undefined {
  return MODULES.find((file) => existsSync(file))
}

function program(name: string): string | undefined {
  return findProgram([name], ['/usr/bin', '/usr/local/bin'])
}
