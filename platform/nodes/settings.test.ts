/**
 * What nodes say of their settings: values of the whole cluster, no places, no secrets, readable by nodes of
 * this cluster alone.
 */
import path from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { migrate } from '#platform/database/migrate.ts'
import { tablesOf } from '#platform/database/open-database.ts'
import { newClusterKey, parseClusterKeys, sealBy } from '#platform/shared-files/cluster-key.ts'
import { keyOf } from '#platform/shared-files/seal-file.ts'
import { eachDatabase } from '#test/databases.ts'
import { comparedFiles } from './compared-files.ts'
import { type NodeTables, nodeMigrations } from './migrations.ts'
import {
  differencesOf,
  isTakenOver,
  schemaOf,
  settingShown,
  settingText,
  settingValues,
} from './setting-values.ts'
import { createSettingsOfNodes, openSettings } from './settings-of-nodes.ts'
import { createNodeStore } from './store.ts'

const FILE = { type: 'string', 'x-path': true }
const schema = {
  properties: {
    server: {},
    directory: FILE,
    database: {},
    peers: { default: {}, properties: { address: {}, port: {}, perSecond: {} } },
    listener: { properties: { address: {}, port: {} } },
    mail: { properties: { host: {}, port: {}, passwordFile: FILE } },
    admin: { default: {}, properties: { address: {}, initialApiKeyFile: FILE } },
    limits: { default: {}, properties: { bodyBytes: { default: 7 } } },
    tokens: { items: { properties: { name: {}, tokenFile: FILE } } },
    names: { items: {} },
  },
}
const ofAMachine = new Set(['database'])
const valuesOf = (settings: object) => settingValues(settings, { schema, ofAMachine })

t.test('of a policy its content is compared, wherever the file lies', async (t) => {
  const policy = { 'x-path': true, 'x-compared': true }
  const schema = { properties: { witnesses: { properties: { policyFile: policy, keyFile: FILE } } } }
  const folder = t.testdir({ a: 'quorum none\n', same: 'quorum none\n', b: 'quorum all\n' })
  const of = async (name: string) => {
    const settings = { witnesses: { policyFile: path.join(folder, name), keyFile: `/${name}` } }
    const files = await comparedFiles(settings, schema)
    return settingValues(settings, { schema, ofAMachine: new Set(), files })
  }
  const [a, same, b, none] = [await of('a'), await of('same'), await of('b'), await of('none')]
  t.strictSame(differencesOf(a, same), [])
  const [difference, ...more] = differencesOf(a, b)
  t.match(difference, {
    name: 'witnesses.policyFile',
    here: /^<file> SHA-256 [0-9a-f]{64}$/,
    there: /^<file> SHA/,
  })
  t.strictSame(more, [])
  t.equal(isTakenOver(difference!, schemaOf(schema, difference!.name)), false, 'a person brings the file')
  t.strictSame(differencesOf(none, b), [], 'a version that does not compare it, or a file that is gone')
  t.match(differencesOf({}, b), [
    { name: 'witnesses' },
    { name: 'witnesses.keyFile' },
    { name: 'witnesses.policyFile' },
  ])
})

t.test('values of the whole cluster, and of files only that there are some', (t) => {
  const values = valuesOf({
    ...{ server: 's', directory: '/var/lib/a', database: 'postgres://u:geheim@h/d', names: ['a', 'b'] },
    peers: { address: '10.0.0.1', port: 5500, perSecond: 9 },
    mail: { host: 'mail.example', port: 465, passwordFile: '/etc/secret' },
    admin: { address: '::1', initialApiKeyFile: '/key' },
    tokens: [{ name: 'x', tokenFile: '/t' }],
    listener: { port: 1 },
  })
  t.strictSame(values, {
    ...{ listener: '<section>', mail: '<section>' },
    ...{ server: 's', directory: '<file>', names: ['a', 'b'] },
    ...{ 'peers.perSecond': 9, 'mail.host': 'mail.example', 'mail.port': 465, 'mail.passwordFile': '<file>' },
    tokens: [{ name: 'x' }],
  })
  const other = valuesOf({ server: 's', directory: '/b', names: ['b', 'a'], limits: { bodyBytes: 8 } })
  const found = differencesOf({ server: 's', directory: '<file>', names: ['a', 'b'] }, other)
  t.strictSame(found, [
    { name: 'limits.bodyBytes', here: undefined, there: 8 },
    { name: 'names', here: ['a', 'b'], there: ['b', 'a'] },
  ])
  t.end()
})

t.test('what has files or addresses inside is no other node’s to give', (t) => {
  const isTaken = (name: string, here: unknown, there: unknown): boolean =>
    isTakenOver({ name, here, there }, schemaOf(schema, name))
  t.equal(isTaken('limits.bodyBytes', 7, 8), true)
  t.equal(isTaken('names', undefined, ['a']), true)
  t.equal(isTaken('tokens', [], [{ name: 'x' }]), false)
  t.equal(isTaken('mail.passwordFile', undefined, '<file>'), false)
  t.equal(isTaken('mail.passwordFile', '<file>', undefined), false)
  t.equal(isTaken('listener', undefined, '<section>'), false)
  t.equal(isTaken('unknown.setting', 1, 2), true, 'and the file with it is refused by its schema')
  t.end()
})

t.test('a value is shown short, and without the name and password of an address', (t) => {
  t.equal(settingText(undefined), null)
  t.equal(settingText('https://anna:geheim@mail.example/x'), 'https://mail.example/x')
  t.equal(settingText(['smtp://u:p@h', 3]), '["smtp://h",3]')
  t.equal(settingText('https://anna:ge"h@im@mail.example/x@y'), 'https://mail.example/x@y')
  t.equal(settingText(['https://anna:ge"h@im@mail.example/x']), '["https://mail.example/x"]')
  t.equal(settingShown(undefined), null)
  t.equal(settingShown('https://u:p@chat.example:8443/hooks/geheim?token=x'), 'https://chat.example:8443/…')
  for (const rest of ['?token=x', '#x', '\\x', '//x'])
    t.equal(settingShown(`HTTPS://chat.example${rest}`), 'HTTPS://chat.example/…')
  t.equal(settingShown('https://chat.example/'), 'https://chat.example/')
  t.equal(settingShown([{ url: 'http://[::1]:8/"x', days: 3 }]), '[{"url":"http://[::1]:8/…","days":3}]')
  t.equal(settingShown(['anna@agency.example', 'b@c']), '["…","…"]', 'how many people are written to')
  t.equal(settingShown('server@agency.example'), 'server@agency.example')
  fc.assert(
    fc.property(fc.anything({ withBigInt: false }), (value) => {
      const text = settingText(
        value === undefined ? null : (JSON.parse(JSON.stringify(value) ?? '0') as unknown),
      )
      return text !== null && text.length <= 301
    }),
  )
  t.end()
})

await eachDatabase(t, async (database, t) => {
  await migrate(database, nodeMigrations)
  const store = createNodeStore(database)
  const keys = parseClusterKeys(newClusterKey(), 'k')
  const scope = 'DEV/GOV/1/ss1'
  const settingsOf = (node: string, compared: object, more: object = {}) =>
    createSettingsOfNodes({
      ...{
        node,
        store,
        keys,
        scope,
        compared,
        schema,
        ofAMachine,
        values: valuesOf(compared),
      },
      ...more,
    })
  const rowOf = (name: string, told: object, left: string | null = null) => ({
    ...{ name, instance: 'i', version: '1', started_at: '', seen_at: '', cloned_at: null },
    ...{ told: JSON.stringify(told), left_at: left },
  })
  const a = settingsOf('a', { server: 's', limits: { bodyBytes: 7 } })
  const b = settingsOf('b', { server: 's', limits: { bodyBytes: 9 } })
  for (const each of [a, b]) await each.tell()

  await t.test('each node sees in what the others differ', async (t) => {
    const rows = [rowOf('a', a.told), rowOf('b', b.told)]
    const differing = [{ name: 'limits.bodyBytes', here: 7, there: 9 }]
    t.strictSame([...(await a.differences(rows))], [['b', differing]])
    t.strictSame([...(await b.differences([rows[0]!]))][0]?.[1][0]?.here, 9)
    t.strictSame([...(await a.differences([rowOf('b', b.told, 'long ago')]))], [], 'not of one that has left')
    const again = settingsOf('b', { server: 's', limits: { bodyBytes: 7 } })
    await again.tell()
    t.strictSame([...(await a.differences([rowOf('b', again.told)]))], [])
    await b.tell()
  })

  await t.test('the time is that of the last change', async (t) => {
    const toldAt = async (): Promise<string> =>
      openSettings((await store.settings()).find(({ name }) => name === 'b')!, { keys, scope })!.toldAt
    const before = await toldAt()
    const changed = settingsOf('b', { server: 's' }, { store: { ...store, now: async () => 0 } })
    await b.tell()
    t.equal(await toldAt(), before, 'a restart changes nothing')
    const row = (await store.settings()).find(({ name }) => name === 'b')!
    await changed.tell()
    t.equal(await toldAt(), new Date(0).toISOString())
    await store.tellSettings({ ...row, told_at: 'another time' })
    t.equal(await toldAt(), before, 'a row that is put back has its own, whatever stands beside it')
  })

  await t.test('it is sealed anew when another line seals', async (t) => {
    const lines = parseClusterKeys(`${newClusterKey()}\n${newClusterKey()}`, 'k')
    const sealedUnder = async (): Promise<number> => {
      const { sealed } = (await store.settings()).find(({ name }) => name === 'c')!
      return lines.lines.findIndex(({ id }) => id === keyOf(sealed))
    }
    sealBy(lines, 0)
    const c = settingsOf('c', { server: 's' }, { keys: lines })
    await c.tell()
    t.equal(await sealedUnder(), 0)
    sealBy(lines, 1)
    await c.sealAnew()
    t.equal(await sealedUnder(), 1)
    await tablesOf<NodeTables>(database).deleteFrom('node_settings').where('name', '=', 'c').execute()
    await c.sealAnew()
    t.equal((await store.settings()).length, 2, 'once')
  })

  await t.test('of a version that tells no values there are names', async (t) => {
    const { settings } = settingsOf('older', { server: 's', limits: { bodyBytes: 1 } }).told
    t.strictSame(
      [...(await a.differences([rowOf('older', { settings })]))],
      [['older', [{ name: 'limits' }]]],
    )
    const back = [rowOf('b', { settings })]
    t.strictSame([...(await a.differences(back))], [['b', [{ name: 'limits' }]]], 'its row is of before')
    t.strictSame([...(await a.differences([rowOf('older', {})]))], [], 'nor of one that has told nothing')
  })

  await t.test('a row is of this cluster and of its node, or it is not read', async (t) => {
    const row = (await store.settings()).find(({ name }) => name === 'b')!
    const q = { keys, scope }
    t.match(openSettings(row, q), { values: { server: 's' } })
    t.equal(row.sealed.includes('bodyBytes'), false, 'the database cannot read it')
    t.equal(openSettings({ ...row, name: 'a' }, q), undefined, 'moved to another node')
    t.equal(openSettings(row, { ...q, scope: 'DEV/GOV/1/ss2' }), undefined, 'of another server')
    t.equal(
      openSettings(row, { ...q, keys: parseClusterKeys(newClusterKey(), 'k') }),
      undefined,
      'another key',
    )
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        (bytes) => openSettings({ name: 'b', sealed: Buffer.from(bytes) }, q) === undefined,
      ),
    )
    for (let at = 0; at < row.sealed.length; at++) {
      const sealed = Buffer.from(row.sealed)
      sealed[at]! ^= 1
      if (openSettings({ name: 'b', sealed }, q) !== undefined) t.fail(`altered at ${at}`)
    }
  })
})
