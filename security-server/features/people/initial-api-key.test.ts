/** The first API key: made once, by one of the nodes that start at once, and good after every crash. */
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Test } from 'tap'
import { createApiKeys } from '#platform/api-keys/create-api-keys.ts'
import { apiKeyMigrations } from '#platform/api-keys/store.ts'
import { openDatabase } from '#platform/database/open-database.ts'
import { onEachDatabase } from '#test/databases.ts'
import { writeInitialApiKey } from './initial-api-key.ts'
import { ROLES } from './roles.ts'

/** Nodes that start at once, so many times. */
const RACES = 8

function ownFolder(t: Test): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'concordat-key-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A node with a connection and a folder of its own. */
async function nodeOn(t: Test, url: string) {
  const database = await openDatabase(url)
  t.teardown(() => database.close())
  const folder = ownFolder(t)
  const file = path.join(folder, 'key')
  const apiKeys = createApiKeys({ database, clock: Date.now })
  return {
    ...{ database, folder, file, apiKeys },
    start: () => writeInitialApiKey(file, apiKeys),
    caller: () => apiKeys.authenticate(`X-Road-ApiKey token=${readFileSync(file, 'utf8').trim()}`),
    valid: async () => (await apiKeys.list()).filter((each) => each.revokedAt === null).length,
  }
}

onEachDatabase(
  'made once, and good after every crash',
  async (t, url) => {
    const { apiKeys, file, folder, start, caller, valid } = await nodeOn(t, url)
    await t.rejects(writeInitialApiKey(path.join(folder, 'absent', 'key'), apiKeys), { code: 'io_error' })
    t.equal((await apiKeys.list()).length, 0, 'no key that nobody knows')
    // The state after a crash before the database had the key.
    const drawn = apiKeys.draw()
    writeFileSync(`${file}.begun`, `${drawn}\n`, { mode: 0o600 })
    await start()
    t.same(readdirSync(folder), ['key'])
    t.equal(readFileSync(file, 'utf8'), `${drawn}\n`)
    t.same((await caller()).roles, ROLES)
    // The state after a crash between the database and the file.
    renameSync(file, `${file}.begun`)
    await start()
    t.same(readdirSync(folder), ['key'])
    t.same((await caller()).roles, ROLES)
    t.equal(await valid(), 1)
    rmSync(file)
    await start()
    t.same(readdirSync(folder), [], 'once a key exists none is made')
    // The state after a crash of an older version: a key that nobody can read.
    writeFileSync(file, '', { mode: 0o644 })
    await start()
    t.same((await caller()).roles, ROLES)
    t.equal(statSync(file).mode & 0o777, 0o600)
    t.equal(await valid(), 1)
  },
  apiKeyMigrations,
)

onEachDatabase(
  'of nodes that start at once one makes it',
  async (t, url) => {
    const nodes = [await nodeOn(t, url), await nodeOn(t, url), await nodeOn(t, url)]
    for (let race = 1; race <= RACES; race++) {
      await nodes[0]!.database.kysely.deleteFrom('api_key' as never).execute()
      await Promise.all(nodes.map(({ start }) => start()))
      const [made, ...more] = nodes.filter(({ folder }) => readdirSync(folder).length > 0)
      t.same([more.length, readdirSync(made!.folder)], [0, ['key']])
      t.same((await made!.caller()).roles, ROLES)
      t.equal(statSync(made!.file).mode & 0o777, 0o600)
      t.equal((await made!.apiKeys.list()).length, 1)
      rmSync(made!.file)
    }
  },
  apiKeyMigrations,
)
