/** The PIN file at the start of nodes. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { migrate } from '#platform/database/migrate.ts'
import { openDatabase } from '#platform/database/open-database.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { newClusterKey, parseClusterKeys } from '#platform/shared-files/cluster-key.ts'
import { localFolder } from '#platform/shared-files/local-folder.ts'
import { openSharedFiles } from '#platform/shared-files/shared-files.ts'
import { createSharedFileStore, sharedFileMigrations } from '#platform/shared-files/store.ts'
import { createWorld, PIN } from './keys/keys-fixture.ts'
import { unlockToken } from './unlock-token.ts'

t.test(
  'of two nodes that start for the first time at once both open the token that one of them makes',
  async (t) => {
    const world = await createWorld(t)
    const database = await openDatabase('sqlite::memory:')
    t.teardown(() => database.close())
    await migrate(database, sharedFileMigrations)
    const clusterKeys = parseClusterKeys(newClusterKey(), 'cluster-key')
    const isShared = (name: string): boolean => name === 'keys/token.json'
    const folder = mkdtempSync(path.join(tmpdir(), 'concordat-nodes-'))
    t.teardown(() => rmSync(folder, { recursive: true, force: true }))
    const pinFile = path.join(folder, 'pin')
    writeFileSync(pinFile, PIN, { mode: 0o600 })
    const log = createLog({ name: 'nodes', level: 'silent' })
    const openNode = async (name: string) => {
      const directory = path.join(folder, name)
      const shared = await openSharedFiles({
        ...{ store: createSharedFileStore(database), folder: localFolder(directory, ['keys'], isShared) },
        ...{ keys: clusterKeys, scope: 'DEV/GOV/1/ss1', isShared, directory, log },
      })
      const write = (file: string, content: Buffer): Promise<void> =>
        shared.write(path.relative(directory, file), content)
      return world.open({ directory: path.join(directory, 'keys'), write })
    }
    const nodes = [await openNode('one'), await openNode('two')]
    t.match(
      nodes.map((keys) => keys.tokens()[0]),
      [{ initialized: false }, { initialized: false }],
    )
    await Promise.all(nodes.map((keys) => unlockToken(keys, pinFile, log)))
    t.match(
      nodes.map((keys) => keys.tokens()[0]),
      [{ loggedIn: true }, { loggedIn: true }],
    )
  },
)
