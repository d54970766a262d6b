/**
 * What a restore loads is what was verified, and no table or key comes back that must not, on either store.
 */
import { execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import type { Migration } from 'kysely/migration'
import t from 'tap'
import { createAuditLog } from '#platform/audit-log/create-audit-log.ts'
import { migrationsIn } from '#platform/database/dialect-dump.ts'
import { dumpTables } from '#platform/database/dump.ts'
import { migrate } from '#platform/database/migrate.ts'
import { inSnapshot, openDatabase, tablesOf } from '#platform/database/open-database.ts'
import { eachDatabase } from '#test/databases.ts'
import { until } from '#test/until.ts'
import { serverMigrations } from '../../features.ts'
import { second } from '../../keys/keys-fixture.ts'
import { by, make, question, stage, trusted } from './backups-fixture.ts'
import { keysInWords } from './in-words.ts'
import { keysIn } from './keys-back.ts'
import { restorationHandlers } from './restoration.ts'
import { restoreServerBackup } from './restore-backup.ts'
import { dumpServer, WITHOUT } from './store.ts'

type Rows = {
  local_change: { id: number; counter: number }
  used_login: { digest: Buffer; used_at: string }
}

/** The migrations with `act` before the first of them: the backup is verified, and not loaded yet. */
function afterVerifying(act: () => void): Record<string, Migration> {
  const [[first, migration], ...others] = Object.entries(serverMigrations) as [
    [string, Migration],
    ...[string, Migration][],
  ]
  const up: Migration['up'] = (kysely) => {
    act()
    return migration.up(kysely)
  }
  return Object.fromEntries([[first, { up }], ...others])
}

/** A process that restores: its arguments are two modules and what they are asked. */
/**
 * The process reads all features of the server first: nobody sees how far it is, and on a busy machine that
 * takes a minute.
 */
const IMPORT_MS = 300_000
const RESTORE = `
  const [{ restoreServerBackup }, { serverMigrations: migrations }] =
    await Promise.all(process.argv.slice(1, 3).map((module) => import(module)))
  const { now, ...asked } = JSON.parse(process.argv[3])
  await restoreServerBackup({ ...asked, migrations, now: new Date(now) })`

t.test('a file that is replaced or cut off after it was verified', async (t) => {
  const one = await stage(t)
  const { at } = one
  // Enough that the entries behind the database are not read with it.
  writeFileSync(at('keys', 'long.json'), randomBytes(4_000_000))
  const url = `sqlite:${at('server.db')}`
  const database = await openDatabase(url)
  t.teardown(() => database.close())
  await migrate(database, serverMigrations)
  await make(one, by(one), (write) => dumpServer(url, write))
  cpSync(at('backup'), at('genuine'))
  await tablesOf<Rows>(database).updateTable('local_change').set({ counter: 7 }).execute()
  // Whoever has the key of backups and signs as another member: as many rows, another one of them.
  await make(one, by(one, second), (write) => dumpServer(url, write))
  cpSync(at('backup'), at('forged'))

  await eachDatabase(t, async (target, t, targetUrl) => {
    const counter = async (): Promise<number> => {
      const rows = await tablesOf<Rows>(target).selectFrom('local_change').select('counter').execute()
      return Number(rows[0]?.counter)
    }
    const restore = (migrations: Record<string, Migration>) =>
      restoreServerBackup({
        ...{ ...question(one), ...trusted(one), migrations, database: targetUrl },
        ...{
          directory: at(`restored-${targetUrl.startsWith('sqlite')}`),
          letIn: [],
          bringBack: [],
          hasLogin: true,
        },
        initialApiKeyFile: at('initial-api-key'),
      })
    writeFileSync(at('initial-api-key'), 'as it was')
    cpSync(at('genuine'), at('backup'))
    const swapping = afterVerifying(() => cpSync(at('forged'), at('backup')))
    await t.rejects(restore(swapping), { code: 'backup_invalid', message: /replaced while it was read/ })
    t.equal(readFileSync(at('initial-api-key'), 'utf8'), 'as it was')
    cpSync(at('genuine'), at('backup'))
    const cutting = afterVerifying(() =>
      writeFileSync(at('backup'), readFileSync(at('genuine')).subarray(0, -40)),
    )
    await t.resolves(restore(cutting), 'nothing behind the database is read again')
    t.equal(await counter(), 0)
    t.equal(readFileSync(at('initial-api-key'), 'utf8'), '')
  })
})

t.test('tables that are in no backup do not come back with one that has them', async (t) => {
  const one = await stage(t)
  const { at } = one
  const url = `sqlite:${at('server.db')}`
  const database = await openDatabase(url)
  t.teardown(() => database.close())
  await migrate(database, serverMigrations)
  const login = { digest: randomBytes(32), used_at: new Date(one.world.now).toISOString() }
  await tablesOf<Rows>(database).insertInto('used_login').values(login).execute()
  // As a version that does not know of this table.
  const without = WITHOUT.filter((name) => name !== 'used_login')
  await make(one, by(one), (write) =>
    inSnapshot(database.kysely, async (snapshot) => ({
      rows: await dumpTables(snapshot, { without, write }),
      migrations: await migrationsIn(snapshot),
    })),
  )
  await eachDatabase(t, async (target, t, targetUrl) => {
    await restoreServerBackup({
      ...{ ...question(one), ...trusted(one), migrations: serverMigrations, database: targetUrl },
      ...{
        directory: at(`restored-${targetUrl.startsWith('sqlite')}`),
        letIn: [],
        bringBack: [],
        hasLogin: true,
      },
      initialApiKeyFile: at('initial-api-key'),
    })
    const restored = tablesOf<Rows>(target)
    t.same(await restored.selectFrom('used_login').selectAll().execute(), [])
    t.equal((await restored.selectFrom('local_change').selectAll().execute()).length, 1)
  })
})

t.test('a key that was deleted after the backup comes back only if it is named', async (t) => {
  const one = await stage(t)
  const { at, keys, world } = one
  const ids = keys.tokens().flatMap((token) => token.keys.map(({ id }) => id))
  const [gone] = ids.filter((id) =>
    readFileSync(at('keys', 'keys', `${id}.json`), 'utf8').includes('DEV/COM/4000'),
  )
  const fileIn = (folder: string, id = gone): string => at(folder, 'keys', 'keys', `${id}.json`)
  const url = `sqlite:${at('server.db')}`
  const database = await openDatabase(url)
  await migrate(database, serverMigrations)
  await database.close()
  const token = at('keys', 'token.json')
  const pinSetAt = world.now - 86_400_000
  writeFileSync(token, JSON.stringify({ ...JSON.parse(readFileSync(token, 'utf8')), pinSetAt }))
  await make(one, by(one), (write) => dumpServer(url, write))

  let databases = 0
  const restore = async (folder: string, bringBack: string[] = []) => {
    const target = `sqlite:${at(`restored-${++databases}.db`)}`
    return await restoreInto(target, folder, bringBack)
  }
  const restoreInto = async (target: string, folder: string, bringBack: string[] = []) => {
    const done = await restoreServerBackup({
      ...{ ...question(one), ...trusted(one), migrations: serverMigrations, database: target },
      ...{ directory: at(folder), letIn: [], bringBack, hasLogin: true, initialApiKeyFile: at('api-key') },
    })
    const restored = await openDatabase(target)
    const audit = createAuditLog({ database: restored, clock: () => world.now })
    const handlers = restorationHandlers({ audit, people: { find: async () => undefined } })
    const shown = await handlers['getRestoration']!({} as never)
    await restored.close()
    t.match(shown, { state: 'restored', ...done.keys }, 'the page shows what was done with keys')
    return { ...done.keys, words: keysInWords(keysIn(done.files), done.keys).join('\n') }
  }

  cpSync(at('keys'), at('kept', 'keys'), { recursive: true })
  rmSync(fileIn('kept'))
  writeFileSync(at('kept', 'keys', 'token.json'), 'the token of a newer PIN')
  await t.rejects(restore('kept', ['0'.repeat(40)]), {
    code: 'invalid_input',
    message: /no key in this backup/,
  })
  const kept = await restore('kept')
  t.match(kept, { keysBack: [], keysLeftOut: [gone], isPinOfBackup: false })
  t.match(
    kept.words,
    new RegExp(`^key ${gone} .*1 active certificates: left out.*--bring-back ${gone}\nthe PIN.*unchanged$`),
  )
  t.notOk(existsSync(fileIn('kept')))
  t.match(await restore('kept', [gone!]), { keysBack: [gone], keysLeftOut: [] })
  t.ok(readFileSync(fileIn('kept')).equals(readFileSync(at('keys', 'keys', `${gone}.json`))))
  t.equal(readFileSync(at('kept', 'keys', 'token.json'), 'utf8'), 'the token of a newer PIN')

  // What stops it before the token is there, as a crash would: the folder is a new one still.
  const inTheWay = at('new', 'keys', 'token.json.being-restored')
  mkdirSync(inTheWay, { recursive: true })
  const target = `sqlite:${at('new.db')}`
  await t.rejects(restoreInto(target, 'new'), { code: 'io_error' })
  t.same(readdirSync(path.dirname(fileIn('new'))).length, ids.length)
  rmSync(fileIn('new'))
  rmdirSync(inTheWay)
  const fresh = await restoreInto(target, 'new')
  const setAt = new Date(pinSetAt).toISOString()
  t.match(fresh, { keysLeftOut: [], isPinOfBackup: true, pinSetAt: setAt })
  t.same([...fresh.keysBack].sort(), [...ids].sort())
  t.match(fresh.words, `that of the backup, set ${setAt}`)
  for (const id of ids) t.ok(existsSync(fileIn('new', id)))
  t.ok(readFileSync(at('new', 'keys', 'token.json')).equals(readFileSync(token)))

  // Killed between the token and the rows: nothing reads the pipe, and what empties the file of the first API
  // key waits.
  const cut = `sqlite:${at('cut.db')}`
  execFileSync('mkfifo', [at('pipe')])
  const { trust, ...asked } = { ...question(one), ...trusted(one) }
  const restoring = spawn(process.execPath, [
    ...['--input-type=module', '--eval', RESTORE, new URL('./restore-backup.ts', import.meta.url).href],
    ...[new URL('../../features.ts', import.meta.url).href],
    JSON.stringify({
      ...{ ...asked, directory: at('cut'), database: cut, letIn: [], bringBack: [], hasLogin: true },
      initialApiKeyFile: at('pipe'),
    }),
  ])
  let said = ''
  restoring.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  await until(
    'the token of the backup is in the folder',
    (saw) => {
      saw({ said, exitCode: restoring.exitCode })
      return existsSync(at('cut', 'keys', 'token.json'))
    },
    { deadlineMs: IMPORT_MS },
  )
  restoring.kill('SIGKILL')
  await once(restoring, 'exit')
  mkdirSync(at('in-the-way'))
  const asBefore = {
    ...question(one),
    ...trusted(one),
    migrations: serverMigrations,
    database: cut,
    letIn: [],
  }
  const second = { ...asBefore, directory: at('cut'), hasLogin: true, initialApiKeyFile: at('in-the-way') }
  rmSync(fileIn('cut'))
  await t.rejects(restoreServerBackup({ ...second, bringBack: [gone!] }), { code: 'io_error' })
  const again = await restoreInto(cut, 'cut')
  t.match(
    again,
    { keysLeftOut: [], isPinOfBackup: true, pinSetAt: setAt },
    'what the first attempt put there',
  )
  t.same([...again.keysBack].sort(), [...ids].sort())
})
