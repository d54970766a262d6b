/**
 * Nodes that start for the first time at once: the keys of the log, and the configuration after an anchor.
 */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { migrate } from '#platform/database/migrate.ts'
import { type ClusterKeys, newClusterKey, parseClusterKeys } from '#platform/shared-files/cluster-key.ts'
import { localFolder } from '#platform/shared-files/local-folder.ts'
import { openSharedFiles } from '#platform/shared-files/shared-files.ts'
import { createSharedFileStore, sharedFileMigrations } from '#platform/shared-files/store.ts'
import { Fault } from '#schemas/fault.ts'
import { eachDatabase } from '#test/databases.ts'
import { fetchAfterAnchor } from './features/nodes/fetch-after-anchor.ts'
import { withLogKeys } from './first-log-keys.ts'
import { logFolder, logOptions, openTestLog, signedRecord } from './message-log/fixture.ts'
import { readLogKeys } from './message-log/keys/log-keys.ts'

const quiet = { info: () => undefined }
const quickly = { pauseMs: 1, longestMs: 20 }

/** So many pairs of nodes that start at once. */
const RACES = 16
const isShared = (name: string): boolean => name.startsWith('log-keys/')

await eachDatabase(t, async (database, t) => {
  await migrate(database, sharedFileMigrations)
  const store = createSharedFileStore(database)

  /** A node with a folder of its own, and what it starts with. */
  async function newNode(t: Test, keys: ClusterKeys, longestMs = 30_000) {
    const directory = logFolder(t)
    const folder = path.join(directory, 'log-keys')
    mkdirSync(folder)
    const files = await openSharedFiles({
      ...{ store, keys, isShared, directory, scope: 'DEV/GOV/1/ss1', log: { warn: () => undefined } },
      folder: localFolder(directory, ['log-keys'], isShared),
    })
    const write = (name: string, bytes: Buffer) => files.write(`log-keys/${name}`, bytes)
    const start = (open: () => Promise<void>) =>
      withLogKeys(open, {
        ...{ folder, databaseUrl: `sqlite:${directory}/log.db`, log: quiet, pauseMs: 1, longestMs },
        shared: { pull: files.pull, write },
      })
    return { folder, start, keys: () => readdirSync(folder).sort() }
  }

  await t.test('of nodes that start at once one makes the keys, before the first record', async (t) => {
    const keys = parseClusterKeys(newClusterKey(), 'cluster-key')
    for (let race = 1; race <= RACES; race++) {
      await sql`delete from shared_file`.execute(database.kysely)
      await sql`delete from shared_file_change`.execute(database.kysely)
      const nodes = [await newNode(t, keys), await newNode(t, keys)]
      const atOpening: string[][] = []
      await Promise.all(nodes.map((node) => node.start(async () => void atOpening.push(node.keys()))))
      const [one, two] = atOpening
      t.same(one, two)
      t.match(one, [/^000001-[0-9a-f]{16}\.key$/, 'checkpoint-key.pem'])
      const [first, second] = nodes.map(({ folder }) => readLogKeys(folder))
      t.ok(first!.checkpointKey.equals(second!.checkpointKey))
    }
    // The maker died between its two files.
    await sql`delete from shared_file where name like '%.key'`.execute(database.kysely)
    const later = await newNode(t, keys, 20)
    t.same(later.keys(), ['checkpoint-key.pem'])
    await later.start(async () => undefined)
    t.match(later.keys(), [/^000001-/, 'checkpoint-key.pem'])
  })
})

await eachDatabase(t, async (database, t, url) => {
  if (database.dialect === 'sqlite') return
  await t.test(
    'a node that finds a log without its keys waits for those of the node that began it',
    async (t) => {
      const [first, second] = [logOptions(logFolder(t), url), logOptions(logFolder(t), url)]
      const one = await openTestLog(t, first)
      await one.append(await signedRecord())
      const open = () => openTestLog(t, { ...second, node: 'node2' })
      const q = { folder: second.keyFolder, databaseUrl: url, log: quiet, ...quickly }
      await t.rejects(withLogKeys(open, { ...q, shared: undefined }), { code: 'log_keys_missing' })
      const write = async (): Promise<void> => void t.fail('keys for a log that has records')
      const never = { ...q, shared: { pull: async () => undefined, write } }
      await t.rejects(withLogKeys(open, never), { code: 'log_keys_missing' }, 'and not for ever')
      const coming = readdirSync(first.keyFolder).filter((name) => /\.(key|pem)$/.test(name))
      t.equal(coming.length, 2)
      const pull = async (): Promise<void> => {
        const name = coming.shift()
        if (name !== undefined) cpSync(path.join(first.keyFolder, name), path.join(second.keyFolder, name))
      }
      const two = await withLogKeys(open, { ...q, shared: { pull, write }, longestMs: 30_000 })
      t.same(coming, [], 'both files, which come one after the other')
      await two.append(await signedRecord())
      await two.close()
      await one.close()
    },
  )
})

t.test('another fault is thrown at once', async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'concordat-keys-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  let opened = 0
  const shared = { pull: async () => undefined, write: async () => undefined }
  const databaseUrl = `sqlite:${path.join(folder, 'log.db')}`
  // The second one while there are no keys here, as the first thing that another node looks at may be wrong
  // as well.
  for (const fault of [
    new Error('broken'),
    new Fault('invalid_configuration', { what: 'another setting' }),
  ]) {
    const open = async (): Promise<void> => {
      opened++
      throw fault
    }
    await t.rejects(withLogKeys(open, { folder, databaseUrl, shared, log: quiet, ...quickly }), {
      message: fault.message,
    })
  }
  t.equal(opened, 2)
})

t.test(
  'after an anchor of another node the configuration is fetched until it is here, within bounds',
  async (t) => {
    let tries = 0
    await fetchAfterAnchor(
      {
        refreshOwn: async () => {
          if (++tries < 3) throw new Error('the registry is silent')
        },
      },
      { pausesMs: [0, 1, 1, 1] },
    )
    t.equal(tries, 3, 'tried again, and not when it is here')
    await fetchAfterAnchor({ refreshOwn: () => new Promise(() => undefined) }, { longestMs: 1 })
    t.pass('a call waits no longer')
  },
)
