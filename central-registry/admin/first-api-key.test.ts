import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import path from 'node:path'
import { sql } from 'kysely'
import type { Test } from 'tap'
import { createApiKeys } from '#platform/api-keys/create-api-keys.ts'
import { createAuditLog } from '#platform/audit-log/create-audit-log.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { codeOf } from '#test/fakes/configuration-world.ts'
import { onEachRegistryDatabase } from '#test/fakes/registry-databases.ts'
import { openRegistryDatabase } from '../registry.ts'
import { createApiKey, writeInitialApiKey } from './first-api-key.ts'

type Line = { host?: string; file?: string; msg: string }

/** Two nodes that start at once, so many times. */
const RACES = 8

function ownFolder(t: Test): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'concordat-first-key-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A node with connections of its own. */
async function nodeOn(t: Test, url: string) {
  const database = await openRegistryDatabase(url)
  t.teardown(() => database.close())
  const lines: Line[] = []
  const write = (line: string): void => void lines.push(JSON.parse(line) as Line)
  const rooms = {
    apiKeys: createApiKeys({ database, clock: Date.now }),
    audit: createAuditLog({ database, clock: Date.now }),
    log: createLog({ name: 'test', destination: { write } }),
  }
  const opensWith = (file: string): Promise<string> =>
    codeOf(rooms.apiKeys.authenticate(`X-Road-ApiKey token=${readFileSync(file, 'utf8').trim()}`))
  const start = (file: string, settings: { nodes?: object } = { nodes: {} }) =>
    writeInitialApiKey(file, { ...rooms, settings })
  return { ...rooms, database, lines, opensWith, start }
}

onEachRegistryDatabase(
  'written once, made good after a crash, never for another database',
  async (t, url) => {
    const folder = ownFolder(t)
    const node = await nodeOn(t, url)
    const file = path.join(folder, 'first.key')
    writeFileSync(file, 'of an older database')
    t.equal(await codeOf(node.start(file)), 'invalid_configuration')
    rmSync(file)
    t.equal(await codeOf(node.start(path.join(folder, 'no', 'folder'))), 'io_error')
    t.equal((await node.apiKeys.list()).length, 0, 'no key without a place for it')
    // The state after a crash before the database had the key.
    const drawn = node.apiKeys.draw()
    writeFileSync(`${file}.begun`, `${drawn}\n`, { mode: 0o600 })
    await node.start(file)
    t.equal(readFileSync(file, 'utf8'), `${drawn}\n`)
    t.equal(await node.opensWith(file), 'accepted')
    t.equal(statSync(file).mode & 0o777, 0o600)
    await node.start(file)
    t.same(readdirSync(folder), ['first.key'])
    t.equal(readFileSync(file, 'utf8'), `${drawn}\n`)
    // The state after a crash between the database and the file.
    renameSync(file, `${file}.begun`)
    await node.start(file)
    t.same(readdirSync(folder), ['first.key'])
    t.equal(await node.opensWith(file), 'accepted')
    // The state after a crash between the two names of what was written: one has the key of long ago, the
    // other is under way.
    const [left, underWay] = ['1', '2'].map((one) => `${file}.begun.${one}.tmp`) as [string, string]
    for (const each of [left, underWay]) writeFileSync(each, `${drawn}\n`)
    utimesSync(left, 1, 1)
    await node.start(file)
    t.same(readdirSync(folder).sort(), ['first.key', path.basename(underWay)])
    rmSync(underWay)
    rmSync(file)
    await node.start(file)
    t.same(readdirSync(folder), [], 'an operator who put it away is not given another')
    t.equal((await node.apiKeys.list()).length, 1)
    t.same(node.lines, [], 'nor told where it was')
    // What is no secret of ours makes no key, whatever it is.
    for (const bad of ['x', `${drawn} `.repeat(2), '../../etc/passwd', `${drawn}'; --`, '\0'])
      t.equal(
        await codeOf(
          node.apiKeys.createFirst({ name: 'x', roles: ['R'], secret: bad }, async () => undefined),
        ),
        'invalid_input',
        JSON.stringify(bad),
      )
  },
)

onEachRegistryDatabase('a node that comes second is told where the key is', async (t, url) => {
  const [one, two] = [path.join(ownFolder(t), 'a.key'), path.join(ownFolder(t), 'b.key')]
  const node = await nodeOn(t, url)
  await node.start(one)
  // It had begun when the other one made its key.
  writeFileSync(`${two}.begun`, `${node.apiKeys.draw()}\n`, { mode: 0o600 })
  await node.start(two)
  t.same(readdirSync(path.dirname(two)), [])
  await node.start(two)
  t.match(node.lines, [
    { host: hostname(), file: one, msg: /another node made the first API key/ },
    { host: hostname(), file: one },
  ])
  t.equal((await node.apiKeys.list()).length, 1)
  t.match(await node.audit.list({ limit: 10 }), [
    { operation: 'addApiKey', target: 'initial', caller: { name: 'operator' }, data: { file: one } },
  ])
  await node.start(path.join(path.dirname(two), 'moved.key'), {})
  t.equal(node.lines.length, 2, 'a registry of one node whose host has a new name is told of no other')
  const secret = readFileSync(one, 'utf8').trim()
  t.notOk(JSON.stringify([node.lines, await node.audit.list({ limit: 10 })]).includes(secret.slice(-20)))
  const [key] = await node.apiKeys.list()
  await node.apiKeys.revoke(key!.id)
  await node.start(two)
  t.equal(node.lines.length, 2, 'of a key that opens nothing any more nobody is told')
  // An older version left this before its key was in the database.
  writeFileSync(`${two}.begun`, '')
  await node.start(two)
  t.same(readdirSync(path.dirname(two)), [])
})

onEachRegistryDatabase('a key whose secret an older version lost is replaced', async (t, url) => {
  const folder = ownFolder(t)
  const node = await nodeOn(t, url)
  const file = path.join(folder, 'first.key')
  const lost = await createApiKey('initial', ['XROAD_AUDITOR'], node)
  writeFileSync(`${file}.begun`, '')
  await node.start(file)
  t.same(readdirSync(folder), ['first.key'])
  t.equal(await node.opensWith(file), 'accepted')
  t.equal(
    await codeOf(node.apiKeys.authenticate(`X-Road-ApiKey token=${lost}`)),
    'unauthorized',
    'and revoked',
  )
  t.match(node.lines, [{ file, msg: /nobody had the first API key/ }])
  // Another node with such a file leaves this key alone, and so does one where others have keys.
  const other = path.join(folder, 'other.key')
  writeFileSync(`${other}.begun`, '')
  await node.start(other)
  t.equal(await node.opensWith(file), 'accepted')
  await createApiKey('ours', ['XROAD_AUDITOR'], node)
  writeFileSync(`${file}.begun`, '')
  await node.start(file)
  t.equal(await node.opensWith(file), 'accepted')
  t.same(readdirSync(folder), ['first.key'])
})

for (const [name, isShared] of [
  ['two nodes that start at once make one key', false],
  ['and so do two processes with one folder', true],
] as const)
  onEachRegistryDatabase(name, async (t, url) => {
    const nodes = [await nodeOn(t, url), await nodeOn(t, url)] as const
    const [a, b] = nodes
    const folder = ownFolder(t)
    for (let race = 0; race < RACES; race++) {
      const folders = isShared ? ['both', 'both'] : ['a', 'b']
      const files = folders.map((own) => path.join(folder, String(race), own, 'first.key')) as [
        string,
        string,
      ]
      for (const file of files) mkdirSync(path.dirname(file), { recursive: true })
      const told = nodes.map(({ lines }) => lines.length)
      await Promise.all([a.start(files[0]), b.start(files[1])])
      const made = [...new Set(files)].filter(existsSync)
      t.equal(made.length, 1, 'one file')
      t.equal(await a.opensWith(made[0]!), 'accepted')
      t.same(readdirSync(path.dirname(made[0]!)), ['first.key'])
      t.equal((await b.apiKeys.list()).length, 1, 'of one key')
      t.match(await b.audit.list({ limit: 10 }), [{ operation: 'addApiKey', data: { file: made[0] } }])
      const news = nodes.flatMap(({ lines }, at) => lines.slice(told[at]))
      t.same(
        news.map(({ file }) => file),
        isShared ? [] : made,
        'the other one says where it is',
      )
      for (const table of ['api_key', 'audit_log'])
        await sql`delete from ${sql.table(table)}`.execute(a.database.kysely)
    }
  })
