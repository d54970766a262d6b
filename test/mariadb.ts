/**
 * A private MariaDB for tests: one server per test process, on a socket under /tmp and on no port, with its
 * data among other temporary files, ended by its pid.
 */
import type { ChildProcess } from 'node:child_process'
import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import path from 'node:path'
import { createConnection } from 'mysql2/promise'
import t from 'tap'
import { freeze } from './freeze-process.ts'
import { findProgram } from './outside-tools.ts'
import { until } from './until.ts'

const WORK = path.join(import.meta.dirname, '../.work')
// A machine that runs other tests at the same time may be slow; only a failing test waits this long.
const START_MS = 120_000
const FOLDERS = ['/usr/sbin', '/usr/local/sbin']

type MariadbServer = {
  /** The path of the socket; `root` needs no password there. */
  socket: string
  /** Runs statements as root. */
  run(...statements: string[]): Promise<void>
  /** Ends the server as a crash would; `start` recovers. */
  crash(): Promise<void>
  start(): Promise<void>
  /** Nothing of the server moves until it is thawed. */
  freeze(): Promise<void>
  thaw(): void
}

/** Whether MariaDB's server programs are on this machine. */
export function hasMariadb(): boolean {
  return findProgram(['mariadbd'], FOLDERS) !== undefined && installer() !== undefined
}

/** `more` are options besides the usual ones, which they replace. */
export async function startMariadb(more: string[] = []): Promise<MariadbServer> {
  const mariadbd = findProgram(['mariadbd'], FOLDERS)
  if (mariadbd === undefined) throw new Error('MariaDB is not installed')
  const folder = mkdtempSync('/tmp/concordat-db-')
  const place = mkdtempSync(path.join(tmpdir(), 'concordat-mariadb-'))
  const data = path.join(place, 'data')
  copyFolder(newServer(mariadbd), data)
  const socket = path.join(folder, 'socket')
  let child: ChildProcess | undefined
  const run = async (...statements: string[]): Promise<void> => {
    const connection = await createConnection({ socketPath: socket, user: 'root' })
    // Ended connections of a server that is killed report that.
    connection.on('error', () => undefined)
    for (const statement of statements) await connection.query(statement)
    await connection.end()
  }
  const start = async (): Promise<void> => {
    // Nothing is forced to disk: a killed process loses nothing that the kernel has.
    const options = [
      ...['--no-defaults', `--datadir=${data}`, `--socket=${socket}`, '--skip-networking', '--skip-log-bin'],
      ...[
        '--innodb-buffer-pool-size=16M',
        '--innodb-flush-log-at-trx-commit=0',
        '--innodb-flush-method=fsync',
      ],
      ...[`--user=${userInfo().username}`, `--pid-file=${path.join(folder, 'pid')}`],
      ...more,
    ]
    child = spawn(mariadbd, options, { stdio: 'ignore' })
    child.unref()
    await until(
      'the MariaDB for tests',
      (saw) =>
        run('select 1').then(
          () => true,
          (cause: unknown) => void saw(cause),
        ),
      { deadlineMs: START_MS },
    )
  }
  const stop = async (signal: 'SIGKILL' | 'SIGTERM'): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((resolve) => child?.once('exit', resolve))
    child.ref()
    child.kill('SIGCONT')
    child.kill(signal)
    await ended
  }
  process.on('exit', () => child?.kill('SIGKILL'))
  t.teardown(async () => {
    await stop('SIGKILL')
    for (const one of [folder, place]) rmSync(one, { recursive: true, force: true })
  })
  await start()
  return {
    socket,
    run,
    start,
    crash: () => stop('SIGKILL'),
    freeze: () => freeze([child!.pid!]),
    thaw: () => void child?.kill('SIGCONT'),
  }
}

/** The folder of a new server, to be copied: making one takes seconds. It appears complete, by a rename. */
function newServer(mariadbd: string): string {
  const version = execFileSync(mariadbd, ['--no-defaults', '--version'], { encoding: 'utf8' })
  const user = userInfo().username
  const mark = createHash('sha256').update(`${mariadbd} ${version} ${user}`).digest('hex').slice(0, 16)
  const made = path.join(WORK, `mariadb-${mark}`)
  if (existsSync(made)) return made
  mkdirSync(WORK, { recursive: true })
  const unnamed = mkdtempSync(path.join(WORK, 'mariadb-'))
  const options = ['--auth-root-authentication-method=normal', '--skip-test-db', `--user=${user}`]
  const data = path.join(unnamed, 'data')
  execFileSync(installer()!, ['--no-defaults', `--datadir=${data}`, ...options], { stdio: 'ignore' })
  try {
    renameSync(data, made)
  } catch (thrown) {
    if (!existsSync(made)) throw thrown
  } finally {
    rmSync(unnamed, { recursive: true, force: true })
  }
  return made
}

function installer(): string | undefined {
  return findProgram(['mariadb-install-db'], FOLDERS)
}

function copyFolder(from: string, to: string): void {
  execFileSync('cp', ['-a', '--reflink=auto', from, to], { stdio: 'ignore' })
}
