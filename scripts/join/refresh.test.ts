/**
 * `concordat join --refresh` on a database that other nodes have told their settings: what it takes, what it
 * leaves, and that a bad file is never written.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { migrate } from '#platform/database/migrate.ts'
import { openDatabase, tablesOf } from '#platform/database/open-database.ts'
import { claimName } from '#platform/nodes/claim.ts'
import { type NodeTables, nodeMigrations } from '#platform/nodes/migrations.ts'
import { settingValues } from '#platform/nodes/setting-values.ts'
import { createSettingsOfNodes } from '#platform/nodes/settings-of-nodes.ts'
import { createNodeStore } from '#platform/nodes/store.ts'
import { newClusterKey, parseClusterKeys } from '#platform/shared-files/cluster-key.ts'
import { settingsSchema } from '#security-server/config.ts'
import { OF_A_MACHINE } from '#security-server/features/nodes/settings.ts'
import { skipFor } from '#test/outside-tools.ts'
import { hasPostgresql, postgresql } from '#test/postgresql.ts'
import { until } from '#test/until.ts'
import { readNode } from './read-node.ts'

const CONCORDAT = path.join(import.meta.dirname, '../concordat')
const SERVER = 'DEV/GOV/1000/ss1'

t.test('settings of another node', async (t) => {
  if (!hasPostgresql()) return skipFor(t, 'PostgreSQL is not installed')
  await takeOver(t, await (await postgresql()).freshDatabase())
})

t.test('settings of another node of a registry, and the policy that it has otherwise', async (t) => {
  if (!hasPostgresql()) return skipFor(t, 'PostgreSQL is not installed')
  const url = await (await postgresql()).freshDatabase()
  const key = newClusterKey()
  const registry = (publicUrl: string, otherUrl: string, lines: string[]): string =>
    [
      ...['directory: data', `database: ${url}`, 'pinFile: pin', `publicUrl: ${publicUrl}`],
      'nodes: { clusterKeyFile: cluster-key }',
      'publicLog: { name: log.example, witnessPolicyFile: witnesses.policy }',
      ...['configuration: # published', `  otherUrls: ["${otherUrl}"]`, ...lines, ''],
    ].join('\n')
  const folder = t.testdir({
    own: {
      'node.yaml': registry('http://a.example', 'http://b.example', ['  validitySeconds: 600 # ours']),
      ...{ 'witnesses.policy': 'quorum none\n', data: { 'node-name': 'own\n' } },
    },
    other: {
      'node.yaml': registry('http://b.example', 'http://a.example', ['  validitySeconds: 900']),
      'witnesses.policy': 'witness w w.example+1+A\nquorum w\n',
    },
  })
  const at = (...names: string[]): string => path.join(folder, ...names)
  writeFileSync(at('own/cluster-key'), `${key}\n`, { mode: 0o600 })
  const refresh = (...more: string[]) => {
    const words = ['join', '--refresh', '--configuration', at('own/node.yaml'), ...more]
    const { status, stdout, stderr } = spawnSync(CONCORDAT, words, { encoding: 'utf8', input: '' })
    return { status, said: stdout + stderr }
  }
  const database = await openDatabase(url)
  t.teardown(() => database.close())
  await migrate(database, nodeMigrations)
  const store = createNodeStore(database)
  const { compared, schema, ofAMachine, scope, files } = await readNode(
    'central-registry',
    at('other/node.yaml'),
  )
  const { instance } = await claimName(store, { node: 'b', place: 'b', hasOthers: true, schema: '' })
  const settings = createSettingsOfNodes({
    ...{ node: 'b', store, keys: parseClusterKeys(key, 'k'), scope, compared, schema, ofAMachine },
    values: settingValues(compared, { schema, ofAMachine, files }),
  })
  await settings.tell()
  const later = new Date((await store.now()) + 3_600_000).toISOString()
  await store.beat({ name: 'b', instance, told: JSON.stringify(settings.told), at: later })

  const before = readFileSync(at('own/node.yaml'), 'utf8')
  const shown = refresh()
  t.match(shown, { status: 3, said: /configuration\.validitySeconds: 600 -> 900\n/ }, 'nobody said yes')
  t.match(
    shown.said,
    /witnessPolicyFile: <file> SHA-256 [0-9a-f]{64} -> <file> SHA-256 [0-9a-f]{64} .*by hand/,
  )
  t.notMatch(shown.said, /publicUrl|otherUrls/, 'all addresses together are the same')
  t.equal(readFileSync(at('own/node.yaml'), 'utf8'), before)
  t.match(refresh('--yes'), { status: 0, said: /Written/ })
  const after = readFileSync(at('own/node.yaml'), 'utf8')
  const own = [
    /validitySeconds: 900 # ours/,
    /publicUrl: http:\/\/a\.example/,
    /http:\/\/b\.example/,
    /# published/,
  ]
  for (const part of own) t.match(after, part)
  t.match(after, 'witnessPolicyFile: witnesses.policy')
  t.match(refresh(), { status: 3, said: /witnessPolicyFile/ }, 'the file itself is still to be brought')
  writeFileSync(at('own/witnesses.policy'), readFileSync(at('other/witnesses.policy')))
  t.match(refresh(), { status: 0, said: /The settings are those of b/ })
  const wrong = before.replace('publicUrl: http://a.example', 'publicUrl: nowhere')
  writeFileSync(at('own/node.yaml'), wrong)
  t.match(refresh('--yes'), { status: 1 }, 'a file with which the registry would not start')
  t.equal(readFileSync(at('own/node.yaml'), 'utf8'), wrong)
})

async function takeOver(t: Test, url: string): Promise<void> {
  const key = newClusterKey()
  const text = [
    `server: ${SERVER} # ours`,
    'directory: data',
    ...[`database: ${url}`, `messageLogDatabase: ${url}`],
    'nodes: { clusterKeyFile: cluster-key }',
    'limits: # of peers',
    ...['  unstampedHours: 3', '  bodyBytes: 2048', ''],
  ].join('\n')
  const folder = t.testdir({
    'node.yaml': text,
    data: {
      'node-name': 'own\n',
      workers: { 2: { 'node-name': 'own-2\n' }, fetched: {} },
    },
  })
  const file = path.join(folder, 'node.yaml')
  writeFileSync(path.join(folder, 'cluster-key'), `${key}\n`, { mode: 0o600 })
  chmodSync(file, 0o664)
  const refresh = (...more: string[]) => {
    const { status, stdout, stderr } = spawnSync(
      CONCORDAT,
      ['join', '--refresh', '--configuration', file, ...more],
      { encoding: 'utf8', input: '' },
    )
    return { status, said: stdout + stderr }
  }
  t.match(refresh(), { status: 0, said: /No other node tells its settings/ }, 'an older database')

  const database = await openDatabase(url)
  t.teardown(() => database.close())
  await migrate(database, nodeMigrations)
  const store = createNodeStore(database)
  const tell = async (node: string, more: object, keyText = key): Promise<void> => {
    const { instance } = await claimName(store, { node, place: node, hasOthers: true, schema: '' })
    const compared = { server: SERVER, nodes: { clusterKeyFile: '/elsewhere/key' }, limits: {}, ...more }
    const q = { schema: settingsSchema, ofAMachine: OF_A_MACHINE }
    const settings = createSettingsOfNodes({
      ...{ node, store, keys: parseClusterKeys(keyText, 'k'), scope: SERVER, compared, ...q },
      values: settingValues(withDefaults(compared), q),
    })
    await settings.tell()
    // It counts as alive however long the program takes to start.
    const at = new Date((await store.now()) + 3_600_000).toISOString()
    await store.beat({ name: node, instance, told: JSON.stringify(settings.told), at })
  }
  const set = async (node: string, changed: object): Promise<void> => {
    await tablesOf<NodeTables>(database).updateTable('node').set(changed).where('name', '=', node).execute()
  }
  const forget = async (node: string): Promise<void> => {
    await tablesOf<NodeTables>(database).deleteFrom('node').where('name', '=', node).execute()
  }

  await tell('stranger', {}, newClusterKey())
  t.match(refresh(), { status: 0, said: /No other node tells its settings/ }, 'a row of another cluster')
  await forget('stranger')

  await tell('a', { limits: { unstampedHours: 3, bodyBytes: 2048 } })
  await tell('b', { limits: { unstampedHours: 7, bodyBytes: 2048 } })
  t.match(refresh(), { status: 1, said: /do not say the same.*--from a or b/ }, 'one is as this one')
  await tell('a', { limits: { unstampedHours: 5, bodyBytes: 2048 } })
  await tell('b', { limits: { unstampedHours: 7, bodyBytes: 2048 } })
  t.match(refresh(), { status: 1, said: /do not say the same.*--from a or b/ })
  t.match(refresh('--from', 'a'), { status: 3, said: /unstampedHours: 3 -> 5\n/ }, 'nobody said yes')
  t.equal(readFileSync(file, 'utf8'), text)
  const asked = spawn(CONCORDAT, ['join', '--refresh', '--configuration', file, '--from', 'a'])
  t.teardown(() => asked.kill())
  let said = ''
  for (const stream of [asked.stdout, asked.stderr]) stream.on('data', (part) => (said += String(part)))
  await until('the question', (saw) => saw(said).includes('yes or no'))
  appendFileSync(file, '# another editor\n')
  asked.stdin.end('yes\n')
  t.strictSame(await once(asked, 'close'), [1, null])
  t.match(said, /nothing was written: .*somebody has changed the file meanwhile/)
  t.equal(readFileSync(file, 'utf8'), `${text}# another editor\n`)
  writeFileSync(file, text)

  // One that went back to a version which tells no values.
  await set('b', { told: '{}' })
  await tell('own-2', { limits: { unstampedHours: 3 } })
  await set('a', { seen_at: '2026' })
  t.match(
    refresh(),
    { status: 1, said: /no other node runs.*--from a\)/ },
    'neither b nor a worker from here',
  )
  const mail = { host: 'mail.example', from: 'a@b.example', user: 'u', passwordFile: '/elsewhere/mail' }
  await tell('a', { limits: { unstampedHours: 5, bodyBytes: 2048 }, mail })
  const refused = refresh('--yes')
  t.match(refused, { status: 1, said: /nothing was written:.*mail\.passwordFile/ })
  t.match(refused.said, /mail\.passwordFile: not set -> <file> .*by hand/)
  t.notMatch(refused.said, /elsewhere/, 'no path of the other machine')
  t.equal(readFileSync(file, 'utf8'), text)
  t.strictSame(readdirSync(folder).sort(), ['cluster-key', 'data', 'node.yaml'], 'and nothing is left')

  writeFileSync(path.join(folder, 'mail'), 'secret', { mode: 0o600 })
  t.match(refresh('--yes', '--set', 'mail.passwordFile=mail').status, 0)
  const written = readFileSync(file, 'utf8')
  for (const part of [/# ours/, /# of peers/, /unstampedHours: 5/, /passwordFile: mail/, /user: u/])
    t.match(written, part)
  t.equal(statSync(file).mode & 0o777, 0o664, 'who may read it, whatever the umask')
  t.match(refresh(), { status: 0, said: /The settings are those of a/ })

  await tell('a', { mail: { ...mail, passwordFile: undefined, user: undefined } })
  const fewer = refresh('--yes')
  t.match(fewer.said, /limits\.unstampedHours: 5 -> 4\n/)
  t.match(fewer, { status: 1, said: /nothing was written/ }, 'a password file without its user')

  await sections(t, { ...{ text, file, refresh }, tell: (more) => tell('a', more) })
}

/** Sections that need not be there come and go whole. */
async function sections(
  t: Test,
  q: {
    text: string
    file: string
    refresh(...more: string[]): { status: number | null; said: string }
    tell(more: object): Promise<void>
  },
): Promise<void> {
  const limits = { unstampedHours: 3, bodyBytes: 2048 }
  const login = {
    ...{ issuer: 'https://op.example', clientId: 'c', clientSecretFile: 'secret', contact: 'x' },
    baseUrl: 'https://ss.example',
  }
  const witness = { name: 'w.example' }
  const write = (more: object): void =>
    writeFileSync(
      q.file,
      Object.entries(more).reduce((all, [name, one]) => `${all}${name}: ${JSON.stringify(one)}\n`, q.text),
    )
  write({ login, witness })
  await q.tell({ limits, login: { ...login, passkeys: {} } })
  t.match(q.refresh('--yes'), { status: 0, said: /Written/ })
  const more = readFileSync(q.file, 'utf8')
  t.match(more, /passkeys/)
  t.notMatch(more, /witness/)
  t.match(q.refresh(), { status: 0, said: /The settings are those of a/ })

  await q.tell({ limits, login, witness })
  t.match(q.refresh('--yes'), { status: 0, said: /Written/ })
  const fewer = readFileSync(q.file, 'utf8')
  t.notMatch(fewer, /passkeys/)
  t.match(fewer, /witness/)

  write({ login: { ...login, passkeys: { days: 7 } } })
  await q.tell({ limits, login: { ...login, passkeys: {} } })
  t.equal(q.refresh('--yes').status, 0)
  t.match(readFileSync(q.file, 'utf8'), /passkeys/, 'a section stays that has its defaults')

  write({ login, xRoadApi: { port: 4001, certificateFile: 'c', keyFile: 'k' } })
  await q.tell({ limits, login })
  t.match(q.refresh('--yes'), { status: 3, said: /xRoadApi: <section> -> not set .*by hand/ })
}

/** The settings with those that a schema fills in. */
function withDefaults(settings: object): object {
  const fill = (value: unknown, schema: Schema): unknown => {
    const start = value ?? structuredClone(schema.default)
    if (schema.properties === undefined || typeof start !== 'object' || start === null) return start
    const entries = Object.entries(schema.properties).map(([name, one]) => [
      name,
      fill((start as Record<string, unknown>)[name], one as Schema),
    ])
    return Object.fromEntries(entries.filter(([, one]) => one !== undefined)) as object
  }
  return fill(settings, settingsSchema as object as Schema) as object
}

type Schema = { default?: unknown; properties?: Record<string, unknown> }
