/** The PIN file at the start of nodes. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t, { type Test } from 'tap'
import { migrate } from '#platform/database/migrate.ts'
import { openDatabase } from '#platform/database/open-database.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { newClusterKey, parseClusterKeys } from '#platform/shared-files/cluster-key.ts'
import { localFolder } from '#platform/shared-files/local-folder.ts'
import { openSharedFiles } from '#platform/shared-files/shared-files.ts'
import { createSharedFileStore, sharedFileMigrations } from '#platform/shared-files/store.ts'
import { createWorld, PIN } from './keys/keys-fixture.ts'
import { unlockToken } from './unlock-token.ts'

const log = createLog({ name: 'nodes', level: 'silent' })
const isShared = (name: string): boolean =>
  /^keys\/(?:(?:token|internal-tls)|keys\/[0-9a-f]{40})\.json$/.test(name)

/** Two nodes of one server that share their keys; `pull` brings files, and no room reads them. */
async function openNodes(t: Test) {
  const world = await createWorld(t)
  const database = await openDatabase('sqlite::memory:')
  t.teardown(() => database.close())
  await migrate(database, sharedFileMigrations)
  const clusterKeys = parseClusterKeys(newClusterKey(), 'cluster-key')
  const folder = mkdtempSync(path.join(tmpdir(), 'concordat-nodes-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const open = async (name: string) => {
    const directory = path.join(folder, name)
    const folders = ['keys', 'keys/keys']
    const shared = await openSharedFiles({
      ...{ store: createSharedFileStore(database), folder: localFolder(directory, folders, isShared) },
      ...{ keys: clusterKeys, scope: 'DEV/GOV/1/ss1', isShared, directory, log },
    })
    const nameOf = (file: string): string => path.relative(directory, file)
    const keys = await world.open({
      directory: path.join(directory, 'keys'),
      write: (file, content) => shared.write(nameOf(file), content),
      remove: (file) => shared.remove(nameOf(file)),
    })
    return { keys, shared }
  }
  return { world, folder, nodes: [await open('one'), await open('two')] as const }
}

t.test(
  'of two nodes that start for the first time at once both open the token that one of them makes',
  async (t) => {
    const { folder, nodes } = await openNodes(t)
    const pinFile = path.join(folder, 'pin')
    writeFileSync(pinFile, PIN, { mode: 0o600 })
    const tokens = () => nodes.map(({ keys }) => keys.tokens()[0])
    t.match(tokens(), [{ initialized: false }, { initialized: false }])
    await Promise.all(nodes.map(({ keys }) => unlockToken(keys, pinFile, log)))
    t.match(tokens(), [{ loggedIn: true }, { loggedIn: true }])
  },
)

t.test('a node that has a newer file on its disk, and has not read it, changes the newer one', async (t) => {
  const { nodes } = await openNodes(t)
  const [one, two] = nodes
  await one.keys.initialize(PIN)
  await two.shared.pull()
  await two.keys.reload()
  await two.keys.login(PIN)
  const { id } = await one.keys.createKey({ usage: 'AUTHENTICATION', label: 'first' })
  await two.shared.pull()
  await two.keys.reload()
  const asked = await one.keys.createRequest({ keyId: id, subject: [{ type: 'CN', value: 'ss1' }] })
  await two.shared.pull()
  t.equal((await two.keys.renameKey(id, 'second')).label, 'second')
  t.same(two.keys.request(id, asked.id), asked.request, 'the request is not lost')
  await one.shared.pull()
  await one.keys.reload()
  t.match(one.keys.key(id), { label: 'second', requests: [{ id: asked.id }] })

  await one.keys.internalTls.generate()
  await two.shared.pull()
  const { sha256 } = await two.keys.internalTls.generate()
  await one.shared.pull()
  await one.keys.reload()
  t.equal(one.keys.internalTls.info().sha256, sha256, 'who asks for a new key after another node gets one')
})
