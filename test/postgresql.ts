/** A private PostgreSQL for tests: one cluster a test process on a socket under /tmp, ended by its pid. */
import type { ChildProcess } from 'node:child_process'
import { execFileSync, spawn } from 'node:child_process'
import { chownSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import t from 'tap'
import { findProgram, postgresqlFolders } from './outside-tools.ts'

const START_TRIES = 200
const START_PAUSE_MS = 50

export type PostgresqlServer = {
  /** A fresh, empty database's URL. */
  freshDatabase(): Promise<string>
  /** Ends every server process as a crash would; `start` recovers. */
  crash(): Promise<void>
  start(): Promise<void>
  /** Freezes or thaws the server's processes (SIGSTOP, SIGCONT). */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void
}

let shared: Promise<PostgresqlServer> | undefined

/** Whether PostgreSQL's server programs are on this machine. */
export function hasPostgresql(): boolean {
  return findProgram(['initdb'], postgresqlFolders()) !== undefined
}

/** The server of this test process, started at the first call. */
export function postgresql(): Promise<PostgresqlServer> {
  shared ??= startPostgresql()
  return shared
}

/** A server of its own, for tests that kill it. */
export async function startPostgresql(): Promise<PostgresqlServer> {
  const initdb = findProgram(['initdb'], postgresqlFolders())
  if (initdb === undefined) throw new Error('PostgreSQL is not installed')
  const folder = mkdtempSync('/tmp/concordat-pg-')
  const user = serverUser()
  if (user.uid !== undefined && user.gid !== undefined) chownSync(folder, user.uid, user.gid)
  const data = path.join(folder, 'data')
  execFileSync(
    initdb,
    ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'],
    {
      ...user,
      cwd: folder,
      stdio: 'ignore',
    },
  )
  let child: ChildProcess | undefined
  let databases = 0
  const url = (name: string): string => `postgres://postgres@localhost/${name}?host=${folder}`
  const start = async (): Promise<void> => {
    const postgres = path.join(path.dirname(initdb), 'postgres')
    // fsync off: a killed process loses nothing that the kernel has; only a power cut would, which no test makes.
    const settings = [
      'listen_addresses=',
      `unix_socket_directories=${folder}`,
      'fsync=off',
      'max_connections=200',
    ]
    const server = spawn(postgres, ['-D', data, ...settings.flatMap((setting) => ['-c', setting])], {
      ...user,
      cwd: folder,
      stdio: 'ignore',
    })
    server.unref()
    child = server
    await ready(url('postgres'))
  }
  const stop = async (signal: 'SIGQUIT' | 'SIGINT'): Promise<void> => {
    if (child === undefined || child.exitCode !== null) return
    const ended = new Promise((resolve) => child?.once('exit', resolve))
    child.ref()
    child.kill('SIGCONT')
    child.kill(signal)
    await ended
  }
  process.on('exit', () => child?.kill('SIGQUIT'))
  t.teardown(async () => {
    await stop('SIGINT')
    rmSync(folder, { recursive: true, force: true })
  })
  await start()
  return {
    start,
    crash: () => stop('SIGQUIT'),
    signal: (signal) => signalTree(child?.pid, signal),
    freshDatabase: async () => {
      const name = `test_${process.pid}_${databases++}`
      const client = new pg.Client({ connectionString: url('postgres') })
      await client.connect()
      await client.query(`create database ${name}`)
      await client.end()
      return url(name)
    },
  }
}

/** PostgreSQL refuses to run as root: then its own user, made by Debian's package, runs it. */
function serverUser(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {}
  const id = (flag: string): number => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
  return { uid: id('-u'), gid: id('-g') }
}

async function ready(url: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const client = new pg.Client({ connectionString: url })
    try {
      await client.connect()
      await client.end()
      return
    } catch (cause) {
      if (attempt === START_TRIES) throw cause
      await wait(START_PAUSE_MS)
    }
  }
}

function signalTree(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return
  process.kill(pid, signal)
  const task = `/proc/${pid}/task/${pid}/children`
  if (!existsSync(task)) return
  const children = execFileSync('cat', [task], { encoding: 'utf8' }).split(' ').filter(Boolean)
  for (const child of children) {
    try {
      process.kill(Number(child), signal)
    } catch (thrown) {
      // A backend may end between the two.
      if ((thrown as NodeJS.ErrnoException).code !== 'ESRCH') throw thrown
    }
  }
}
