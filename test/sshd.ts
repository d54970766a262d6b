/**
 * A private OpenSSH server for tests, on a loopback address of its own: it serves SFTP to the user of the
 * test, who has one key. Its keys are made for it, and it is ended by its pid.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { userInfo } from 'node:os'
import path from 'node:path'
import type { Test } from 'tap'
import { freeze } from './freeze-process.ts'
import { findProgram } from './outside-tools.ts'
import { until } from './until.ts'

export type SshServer = {
  host: string
  port: number
  user: string
  /** The user's private key, and the fingerprint of the server's. */
  keyFile: string
  hostKey: string
  /**
   * Ends the server and its connections as a crash would; `start` brings it back, with another host key if
   * `again` says so.
   */
  crash(): Promise<void>
  start(again?: 'other-key'): Promise<void>
  /** The server and its connections stand until they are thawed. */
  freeze(): Promise<void>
  thaw(): void
}

const FOLDERS = ['/usr/sbin', '/usr/local/sbin']
const PORT = 2222
/** sshd as root wants its empty folder, which Debian makes when the service starts. */
const PRIVILEGE_SEPARATION = '/run/sshd'

/** Whether OpenSSH's server programs are on this machine. */
export function hasSshd(): boolean {
  return findProgram(['sshd'], FOLDERS) !== undefined && findProgram(['ssh-keygen']) !== undefined
}

export async function startSshd(t: Test): Promise<SshServer> {
  const sshd = findProgram(['sshd'], FOLDERS)
  if (sshd === undefined) throw new Error("OpenSSH's server is not installed")
  const user = userInfo().username
  if (process.getuid?.() === 0) mkdirSync(PRIVILEGE_SEPARATION, { recursive: true, mode: 0o755 })
  const folder = mkdtempSync('/tmp/concordat-sshd-')
  const host = `127.${randomInt(60, 250)}.${randomInt(1, 250)}.${randomInt(1, 250)}`
  const at = (name: string): string => path.join(folder, name)
  for (const name of ['host', 'other', 'client']) makeKey(at(name))
  execFileSync('cp', [at('client.pub'), at('authorized')])
  let child: ChildProcess | undefined
  const start = async (again?: 'other-key'): Promise<void> => {
    const lines = [
      `ListenAddress ${host}`,
      `Port ${PORT}`,
      `HostKey ${at(again === undefined ? 'host' : 'other')}`,
      `AuthorizedKeysFile ${at('authorized')}`,
      'PidFile none',
      'StrictModes no',
      'UsePAM no',
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      'PermitRootLogin prohibit-password',
      `AllowUsers ${user}`,
      'Subsystem sftp internal-sftp',
      'ForceCommand internal-sftp',
      'LogLevel ERROR',
    ]
    writeFileSync(at('sshd_config'), `${lines.join('\n')}\n`)
    child = spawn(sshd, ['-D', '-e', '-f', at('sshd_config')], { stdio: 'ignore' })
    child.unref()
    await until('the SSH server for tests', async (saw) => saw(await isOpen(host)))
  }
  const toAll = (signal: NodeJS.Signals): void => {
    if (child?.pid === undefined) return
    for (const pid of [child.pid, ...below(child.pid)]) {
      try {
        process.kill(pid, signal)
      } catch {
        // It has ended already.
      }
    }
  }
  const crash = async (): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((resolve) => child?.once('exit', resolve))
    child.ref()
    toAll('SIGKILL')
    await ended
  }
  const onExit = (): void => toAll('SIGKILL')
  process.on('exit', onExit)
  t.teardown(async () => {
    await crash()
    process.off('exit', onExit)
    rmSync(folder, { recursive: true, force: true })
  })
  await start()
  const hostKey = execFileSync('ssh-keygen', ['-lf', at('host.pub')], { encoding: 'utf8' }).split(' ')[1]!
  return {
    ...{ host, port: PORT, user, keyFile: at('client'), hostKey },
    crash,
    start,
    freeze: () => freeze([child!.pid!, ...below(child!.pid!)]),
    thaw: () => toAll('SIGCONT'),
  }
}

/** The processes that a process has started, and those that they have: one and more for each connection. */
function below(pid: number): number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
      .split(' ')
      .filter(Boolean)
      .map(Number)
    return children.flatMap((one) => [one, ...below(one)])
  } catch {
    return []
  }
}

function makeKey(file: string): void {
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'test', '-f', file], { stdio: 'ignore' })
}

function isOpen(host: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = connect(PORT, host)
  socket.once('data', () => resolve(true))
  socket.once('error', () => resolve(false))
  socket.once('close', () => resolve(false))
  return promise.finally(() => socket.destroy())
}
