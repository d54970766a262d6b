/**
 * A node keeps its name wherever it runs, and on both stores closes the exchanges that it left open under
 * earlier names.
 */
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { systemClock } from '#platform/clock.ts'
import { readConfiguration } from '#platform/configuration/read-configuration.ts'
import { lockFile } from '#platform/database/lock-file.ts'

import { isMigrated, migrate } from '#platform/database/migrate.ts'
import { openDatabase, tablesOf } from '#platform/database/open-database.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { claimName } from '#platform/nodes/claim.ts'
import { type NodeTables, nodeMigrations } from '#platform/nodes/migrations.ts'
import { type NodeIdentity, takeNodeIdentity } from '#platform/nodes/node-identity.ts'
import { createNodeStore } from '#platform/nodes/store.ts'
import type { Siblings } from '#platform/workers/siblings.ts'
import { eachDatabase } from '#test/databases.ts'
import { freePort, holdPort } from '#test/free-port.ts'
import { until } from '#test/until.ts'
import { type Settings, settingsSchema } from './config.ts'
import { lockDirectory } from './features/backups/lock-directory.ts'
import { recordExportMigrations } from './features/exports/migrations.ts'

import {
  logFolder,
  logOptions,
  openTestLog,
  signedRecord,
  type TestLogOptions,
} from './message-log/fixture.ts'
import { openNode } from './open-node.ts'
import { startServer } from './start-server.ts'

t.test('a newer node that migrated while this one waited for its name is noticed', async (t) => {
  const directory = logFolder(t)
  const databaseUrl = `sqlite:${path.join(directory, 'server.db')}`
  const database = await openDatabase(databaseUrl)
  t.teardown(() => database.close())
  await migrate(database, nodeMigrations)
  const store = createNodeStore(database)
  writeFileSync(path.join(directory, 'node-name'), 'waits\n')
  await claimName(store, { node: 'waits', place: 'elsewhere', hasOthers: true, schema: '' })
  const migrations = { ...nodeMigrations, 'y-this': { up: async () => {} } }
  const opened = openNode({
    settings: {
      ...{ directory, database: databaseUrl, nodes: { clusterKeyFile: path.join(directory, 'cluster-key') } },
      peers: { address: '127.0.0.1', messagePort: 5500 },
    } as unknown as Settings,
    ...{ migrations, logMigrations: {}, hostName: 'waits', lock: lockFile },
    ...{ clock: Date.now, log: createLog({ name: 'test', destination: { write: () => undefined } }) },
  })
  const refused = t.rejects(opened, { code: 'database_error', message: /a newer version has changed it/ })
  await until('its migrations', () => isMigrated(database, migrations))
  await migrate(database, { ...migrations, 'z-newer': { up: async () => {} } })
  await tablesOf<NodeTables>(database)
    .updateTable('node')
    .set({ seen_at: '2026-01-01T00:00:00.000Z' })
    .execute()
  await refused
  t.equal((await store.get('waits'))?.instance.startsWith('elsewhere'), false, 'it had its name by then')
})

t.test('a version that knows no exports in the database goes on', async (t) => {
  const database = await openDatabase('sqlite::memory:')
  t.teardown(() => database.close())
  await migrate(database, recordExportMigrations)
  const { 'security-server-exports-004-stored-files': _stored, ...before } = recordExportMigrations
  t.equal(Object.keys(before).length, 3)
  await t.resolves(migrate(database, before))
})

await eachDatabase(t, async (_database, t, url) => {
  const folder = logFolder(t)
  const options: TestLogOptions = logOptions(folder, url)

  await t.test('recovery under another host name, with bodies that were on their way', async (t) => {
    const directory = path.join(folder, `server-${path.basename(url)}`)
    const bodyFolder = path.join(directory, 'bodies')
    // As an earlier version did, which named nodes after their hosts.
    mkdirSync(bodyFolder, { recursive: true })
    const before = await openTestLog(t, { ...options, bodyFolder, node: 'host1-127.0.0.1-5500' })
    const open = await before.append(await signedRecord())
    await before.close()
    const left = path.join(bodyFolder, 'incoming', 'host1-127.0.0.1-5500', 'ab'.repeat(16))
    writeFileSync(left, 'nothing refers to it')
    const start = (host: string): Promise<NodeIdentity> =>
      takeNodeIdentity({
        ...{ directory, lock: lockFile, madeOf: host, older: `${host}-127.0.0.1-5500` },
        hasOthers: false,
      })
    const identity = await start('host2')
    t.match(identity.node, /^host2-[0-9a-f]{12}$/)
    t.strictSame(identity.formerNodes, ['host1-127.0.0.1-5500'])
    await t.rejects(start('host2'), { code: 'conflict' }, 'no two processes share a directory')
    const log = await openTestLog(t, { ...options, bodyFolder, ...identity })
    const another = await log.append(await signedRecord())
    t.equal(await log.recover(), 1)
    const [row] = await log.list({ limit: 1, kind: 'outcome-unknown' })
    t.equal(row?.answers, open.index)
    t.strictSame(readdirSync(path.join(bodyFolder, 'incoming')), [identity.node])
    t.notOk(existsSync(left))
    // A crash: the log of the crashed process knows which exchanges it has begun, that of the next process
    // does not.
    await log.close()
    identity.release()
    const moved = await start('host3')
    t.strictSame([moved.node, moved.formerNodes], [identity.node, []], 'made once, and kept')
    const later = await openTestLog(t, { ...options, bodyFolder, ...moved })
    t.equal(await later.recover(), 1)
    t.equal((await later.list({ limit: 1, kind: 'outcome-unknown' }))[0]?.answers, another.index)
    await later.close()
    moved.release()
    rmSync(path.join(directory, 'node-name'))
    mkdirSync(path.join(bodyFolder, 'incoming', 'host4-127.0.0.1-5500'))
    const kept = await start('host4')
    t.equal(kept.node, 'host4-127.0.0.1-5500', 'an installation of before keeps its name')
    kept.release()
    // The folder of bodies is one file system that other nodes have mounted too.
    rmSync(path.join(directory, 'node-name'))
    const shared = await takeNodeIdentity({
      ...{ directory, lock: lockFile, madeOf: 'host4', older: 'host4-127.0.0.1-5500', hasOthers: true },
    })
    t.match(shared.node, /^host4-[0-9a-f]{12}$/)
    t.strictSame(shared.formerNodes, [], 'the names there are those of live nodes')
    shared.release()
    writeFileSync(path.join(directory, 'node-name'), '../elsewhere\n')
    await t.rejects(start('host4'), { code: 'invalid_configuration' })
  })
})

t.test('no process works with a directory into which a backup is restored', async (t) => {
  const directory = t.testdir({})
  const start = (own: string): Promise<NodeIdentity> =>
    takeNodeIdentity({
      ...{ directory: path.join(directory, own), lock: lockFile, madeOf: 'host', hasOthers: true },
    })
  lockDirectory(directory, lockFile)()
  const server = await start('.')
  const worker = await start('workers/2')
  t.throws(() => lockDirectory(directory, lockFile), { code: 'conflict' })
  server.release()
  t.throws(() => lockDirectory(directory, lockFile), {
    code: 'conflict',
    message: /workers\/2: stop the server/,
  })
  worker.release()
  const unlock = lockDirectory(directory, lockFile)
  await t.rejects(start('workers/2'), { code: 'conflict' })
  unlock()
  const again = await start('.')
  again.release()
})

t.test('a further worker that was made to leave says which folder to move away', async (t) => {
  const directory = t.testdir({})
  const settings = {
    ...{ directory, server: 'EX/GOV/1/ss1', database: `sqlite:${path.join(directory, 'server.db')}` },
    peers: { address: '127.0.0.1', messagePort: 5500 },
  } as Settings
  const log = createLog({ name: 'test', level: 'silent' })
  const start = (number: number) =>
    openNode({
      ...{
        settings,
        hostName: 'host',
        siblings: { number } as Siblings,
        migrations: nodeMigrations,
        logMigrations: {},
      },
      ...{ clock: systemClock, log, lock: lockFile },
    })
  const { node, services, close } = await start(3)
  const later = new Date(Date.now() + 1000).toISOString()
  t.ok(await createNodeStore(services.database).leave(node, { at: later, unseenSince: later }))
  await close()
  const left = await start(3).catch((thrown: Error) => thrown)
  t.match(left, { code: 'conflict' })
  t.ok(
    String(left).includes(
      `worker 3 was made to leave its server, as the node ${node}: move ${directory} away`,
    ),
  )
  await t.rejects(start(1), { code: 'conflict', message: /join again/ })
})

t.test('a start that fails gives back its name, its databases and its ports', async (t) => {
  const directory = logFolder(t)
  const [admin, clients, peers, ocsp] = [
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
  ]
  const file = path.join(directory, 'server.yaml')
  const database = `sqlite:${path.join(directory, 'server.db')}`
  writeFileSync(
    file,
    // YAML reads JSON.
    JSON.stringify({
      ...{ server: 'EX/GOV/1/ss1', directory, database },
      messageLogDatabase: `sqlite:${path.join(directory, 'log.db')}`,
      peers: { address: '127.0.0.1', messagePort: peers, ocspPort: ocsp },
      clients: { http: { port: clients } },
      admin: { port: admin },
    }),
  )
  const settings = await readConfiguration<Settings>(file, settingsSchema, {}, 'X')
  const log = createLog({ name: 'test', level: 'silent' })
  const start = () => startServer({ settings, words: {}, clock: systemClock, log, lock: lockFile })
  const giveBack = await holdPort(admin)
  await t.rejects(start(), { code: 'EADDRINUSE' })
  for (const port of [clients, ocsp]) await (await holdPort(port))()
  await giveBack()

  writeFileSync(path.join(directory, 'no-pin'), 'PIN', { mode: 0o644 })
  const open = { ...settings, pinFile: path.join(directory, 'no-pin') }
  await t.rejects(startServer({ settings: open, words: {}, clock: systemClock, log, lock: lockFile }), {
    code: 'invalid_configuration',
  })
  await (await start()).stop()
})
