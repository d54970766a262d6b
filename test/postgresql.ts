/**
 * A private PostgreSQL for tests: one cluster per test process, on a socket under /tmp, with its data among
 * other temporary files, ended by its pid.
 */
import type { ChildProcess } from 'node:child_process'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chownSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import pg from 'pg'
import t, { type Test } from 'tap'
import { wholeProcess } from '#scripts/test/current-file.ts'
import { freeze } from './freeze-process.ts'
import { findProgram, postgresqlFolders } from './outside-tools.ts'
import { until } from './until.ts'

const WORK = path.join(import.meta.dirname, '../.work')
/**
 * How long tests that never end their server, and so never wait for it in vain, wait for a connection: a
 * machine may stop a process of the server for seconds.
 */
const PATIENT = '&connectMs=60000'
// A machine that runs other tests at the same time may be slow; only a failing test waits this long.
const START_MS = 120_000

type ServerUser = { uid?: number; gid?: number }

export type PostgresqlServer = {
  /** The URL of a new database: empty, or a copy of the one at this URL, to which nobody may be connected. */
  freshDatabase(copied?: string): Promise<string>
  /** The dump of all databases, as a backup has it. */
  dump(): Buffer
  /** Ends every server process as a crash would; `start` recovers. */
  crash(): Promise<void>
  start(): Promise<void>
  /** None of the server's processes moves until they are thawed. */
  freeze(): Promise<void>
  thaw(): void
}

let shared: Promise<PostgresqlServer> | undefined

/** Whether PostgreSQL's server programs are on this machine. */
export function hasPostgresql(): boolean {
  return findProgram(['initdb'], postgresqlFolders()) !== undefined
}

/** The server of this test process, started at the first call. */
export function postgresql(): Promise<PostgresqlServer> {
  if (shared === undefined) {
    // It would look into each database once a minute, and there are many that nobody uses any more.
    const starting = startPostgresql(['autovacuum=off'], wholeProcess).then((server) => ({
      ...server,
      freshDatabase: async (copied?: string) => `${await server.freshDatabase(copied)}${PATIENT}`,
    }))
    shared = starting
    // The next test, or the next file of this process, tries again.
    void starting.catch(() => (shared = undefined))
  }
  return shared
}

/**
 * A server of its own, for tests that kill it; it ends with the test file. `more` are settings (name=value)
 * besides its usual ones, which they replace.
 */
export async function startPostgresql(
  more: string[] = [],
  owner: Pick<Test, 'teardown'> = t,
): Promise<PostgresqlServer> {
  const initdb = findProgram(['initdb'], postgresqlFolders())
  if (initdb === undefined) throw new Error('PostgreSQL is not installed')
  const user = serverUser()
  const folder = emptyFolder('/tmp', user)
  const place = emptyFolder(roomFor(user), user)
  const data = path.join(place, 'data')
  copyFolder(newCluster(initdb, user), data)
  let child: ChildProcess | undefined
  let databases = 0
  const url = (name: string): string => `postgres://postgres@localhost/${name}?host=${folder}`
  const start = async (): Promise<void> => {
    const postgres = path.join(path.dirname(initdb), 'postgres')
    // fsync is off: a killed process loses nothing that the kernel has; only a power cut would, which no test
    // makes.
    const settings = [
      'listen_addresses=',
      `unix_socket_directories=${folder}`,
      'fsync=off',
      'max_connections=200',
      ...more,
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
  owner.teardown(async () => {
    await stop('SIGINT')
    for (const one of [folder, place]) rmSync(one, { recursive: true, force: true })
  })
  await start()
  return {
    start,
    crash: () => stop('SIGQUIT'),
    freeze: async () => {
      // The first process is stopped first, so that it starts no other meanwhile.
      await freeze([child!.pid!])
      await freeze(childrenOf(child!.pid!))
    },
    thaw: () => {
      for (const pid of [...childrenOf(child!.pid!), child!.pid!]) process.kill(pid, 'SIGCONT')
    },
    dump: () => {
      const program = findProgram(['pg_dumpall'], postgresqlFolders()) ?? 'pg_dumpall'
      const options = ['-h', folder, '-U', 'postgres']
      return execFileSync(program, options, { maxBuffer: 2 ** 30 })
    },
    freshDatabase: async (copied) => {
      const name = `test_${process.pid}_${databases++}`
      const client = new pg.Client({ connectionString: url('postgres') })
      await client.connect()
      const template = copied === undefined ? '' : `template ${new URL(copied).pathname.slice(1)}`
      await client.query(`create database ${name} ${template}`)
      await client.end()
      return url(name)
    },
  }
}

/**
 * The folder of a new cluster, to be copied: initdb takes eight times as long as a copy, so it runs once for
 * all test processes. The folder appears complete, by a rename; when two processes make it at the same time,
 * one result is deleted.
 */
function newCluster(initdb: string, user: ServerUser): string {
  const programs = execFileSync(initdb, ['--version'], { encoding: 'utf8' })
  const mark = createHash('sha256').update(`${initdb} ${programs} ${user.uid}`).digest('hex').slice(0, 16)
  const cluster = path.join(WORK, `postgresql-${mark}`)
  if (existsSync(cluster)) return cluster
  const folder = emptyFolder(roomFor(user), user)
  const data = path.join(folder, 'data')
  const settings = ['-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync']
  execFileSync(initdb, ['-D', data, ...settings], { ...user, cwd: folder, stdio: 'ignore' })
  mkdirSync(WORK, { recursive: true })
  const unnamed = mkdtempSync(path.join(WORK, 'postgresql-'))
  copyFolder(data, path.join(unnamed, 'data'))
  try {
    renameSync(path.join(unnamed, 'data'), cluster)
  } catch (thrown) {
    if (!existsSync(cluster)) throw thrown
  } finally {
    for (const place of [folder, unnamed]) rmSync(place, { recursive: true, force: true })
  }
  return cluster
}

/** With owners and modes, which PostgreSQL checks. */
function copyFolder(from: string, to: string): void {
  execFileSync('cp', ['-a', '--reflink=auto', from, to], { stdio: 'ignore' })
}

function emptyFolder(room: string, { uid, gid }: ServerUser): string {
  const folder = mkdtempSync(path.join(room, 'concordat-pg-'))
  if (uid !== undefined && gid !== undefined) chownSync(folder, uid, gid)
  return folder
}

/**
 * The temporary folder, if the server's user can enter it, otherwise /tmp. Sockets are always below /tmp,
 * because their paths must be short.
 */
function roomFor(user: ServerUser): string {
  const { status } = spawnSync('test', ['-x', tmpdir()], user)
  return status === 0 ? tmpdir() : '/tmp'
}

/** PostgreSQL refuses to run as root: then the user made by Debian's package runs it. */
function serverUser(): ServerUser {
  if (process.getuid?.() !== 0) return {}
  const id = (flag: string): number => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
  return { uid: id('-u'), gid: id('-g') }
}

async function ready(url: string): Promise<void> {
  await until(
    'the database server for tests',
    async (saw) => {
      const client = new pg.Client({ connectionString: url })
      try {
        await client.connect()
        await client.end()
        return true
      } catch (cause) {
        return void saw(cause)
      }
    },
    { deadlineMs: START_MS },
  )
}

function childrenOf(pid: number): number[] {
  const task = `/proc/${pid}/task/${pid}/children`
  if (!existsSync(task)) return []
  const children = execFileSync('cat', [task], { encoding: 'utf8' })
  return children.split(' ').filter(Boolean).map(Number)
}
