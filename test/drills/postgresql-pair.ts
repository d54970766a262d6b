/**
 * PostgreSQL with a standby, each on a host of its own, and an address that follows the primary, as cluster
 * managers set it up: what was committed is on both (synchronous replication), the standby is promoted when
 * the primary dies, and the dead one comes back as a standby.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { appendFileSync, chownSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import path from 'node:path'
import pg from 'pg'
import { findProgram, postgresqlFolders } from '../outside-tools.ts'
import { until } from '../until.ts'
import type { Host } from './namespaces.ts'

type Member = { host: Host; address: string; data: string; child?: ChildProcess }

export type PostgresqlPair = {
  url(database: string): string
  createDatabase(name: string): Promise<void>
  /**
   * Kills the primary and all its processes, promotes the standby, moves the address, and makes a new standby
   * of the dead one.
   */
  failOver(): Promise<void>
  stop(): Promise<void>
}

const ALONE = "synchronous_standby_names = ''"
const BOTH = "synchronous_standby_names = '*'"

export async function startPair(q: {
  floating: string
  hosts: [{ host: Host; address: string }, { host: Host; address: string }]
}): Promise<PostgresqlPair> {
  const bin = path.dirname(realpathSync(findProgram(['initdb'], postgresqlFolders())!))
  const id = (flag: string): number => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
  const user = { uid: id('-u'), gid: id('-g') }
  // Its user cannot enter the folder of an instance.
  const folder = mkdtempSync('/tmp/concordat-drill-')
  chownSync(folder, user.uid, user.gid)
  const [a, b] = q.hosts.map((one): Member => ({ ...one, data: path.join(folder, one.host.name) })) as [
    Member,
    Member,
  ]
  let primary = a
  let standby = b
  /** As PostgreSQL's user, on that host. */
  const command = ({ host }: Member, name: string, words: string[]): [string, string[]] => {
    const [program, ...before] = host.enter
    const as = ['setpriv', `--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups']
    return [program!, [...before, ...as, path.join(bin, name), ...words]]
  }
  const run = (member: Member, name: string, words: string[]): void => {
    execFileSync(...command(member, name, words), { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
  }
  const ask = async <Row extends object>(
    address: string,
    text: string,
    database = 'postgres',
  ): Promise<Row[]> => {
    const client = new pg.Client({
      connectionString: urlOf(address, database),
      connectionTimeoutMillis: 5000,
    })
    client.on('error', () => undefined)
    try {
      await client.connect()
      return (await client.query<Row>(text)).rows
    } finally {
      await client.end().catch(() => undefined)
    }
  }
  const start = async (member: Member): Promise<void> => {
    const settings = [
      'listen_addresses=*',
      'unix_socket_directories=',
      'max_connections=400',
      'shared_buffers=64MB',
      'hot_standby=on',
    ]
    const words = ['-D', member.data, ...settings.flatMap((one) => ['-c', one])]
    member.child = spawn(...command(member, 'postgres', words), { cwd: folder, stdio: 'ignore' })
    await until(`PostgreSQL on ${member.host.name}`, async (saw) =>
      ask(member.address, 'select 1').then(
        () => true,
        (cause: unknown) => void saw(String(cause)),
      ),
    )
  }
  const kill = async ({ child }: Member): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    // SIGQUIT ends all its processes without a word, as a machine that fails.
    child.kill('SIGQUIT')
    await ended
  }
  /** Commits wait for the standby from here on. */
  const waitForStandby = async (): Promise<void> => {
    await ask(primary.address, `alter system set ${BOTH}`)
    await ask(primary.address, 'select pg_reload_conf()')
    await until('a standby that has everything', async (saw) => {
      const rows = await ask<{ sync_state: string }>(
        primary.address,
        'select sync_state from pg_stat_replication',
      )
      return saw(rows).some(({ sync_state }) => sync_state === 'sync')
    })
  }
  const makeStandby = async (): Promise<void> => {
    rmSync(standby.data, { recursive: true, force: true })
    run(standby, 'pg_basebackup', [
      '-d',
      urlOf(primary.address, 'postgres'),
      '-D',
      standby.data,
      '-R',
      '-X',
      'stream',
      '-c',
      'fast',
    ])
    await start(standby)
    await waitForStandby()
  }

  run(a, 'initdb', ['-D', a.data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C'])
  appendFileSync(
    path.join(a.data, 'pg_hba.conf'),
    'host all all 127.0.0.0/8 trust\nhost replication all 127.0.0.0/8 trust\n',
  )
  await start(a)
  a.host.take(q.floating)
  await makeStandby()
  return {
    url: (database) => urlOf(q.floating, database),
    createDatabase: async (name) => void (await ask(primary.address, `create database ${name}`)),
    async failOver() {
      await kill(primary)
      primary.host.leave(q.floating)
      await ask(standby.address, `alter system set ${ALONE}`).catch(() => undefined)
      run(standby, 'pg_ctl', ['promote', '-D', standby.data, '-w'])
      await ask(standby.address, `alter system set ${ALONE}`)
      await ask(standby.address, 'select pg_reload_conf()')
      standby.host.take(q.floating)
      ;[primary, standby] = [standby, primary]
      await makeStandby()
    },
    async stop() {
      await Promise.all([kill(primary), kill(standby)])
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function urlOf(address: string, database: string): string {
  return `postgres://postgres@${address}:5432/${database}`
}
