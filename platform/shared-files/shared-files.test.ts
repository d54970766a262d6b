/** Files that nodes share in the database: two changes at once, stale nodes, altered rows, an old one. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t, { type Test } from 'tap'
import { migrate } from '#platform/database/migrate.ts'
import { type Database, openDatabase, tablesOf } from '#platform/database/open-database.ts'
import { eachDatabase } from '#test/databases.ts'
import { clusterKeysOf, newClusterKey, parseClusterKeys, sealBy } from './cluster-key.ts'
import { deleteSharedFile } from './delete-shared-file.ts'
import { localFolder } from './local-folder.ts'
import { sealFilesAnew } from './seal-anew.ts'
import { openFile } from './seal-file.ts'
import { isOutdated, openSharedFiles, type SharedFiles, takeNewer } from './shared-files.ts'
import { createSharedFileStore, sharedFileMigrations } from './store.ts'

const isShared = (name: string): boolean => /^(keys\/[a-z0-9]+\.json|top\.pem)$/.test(name)
const TEXT = newClusterKey()
const keys = parseClusterKeys(TEXT, 'cluster-key')

type Node = SharedFiles & { directory: string; file(name: string): string | undefined }

function newFolder(t: Test): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'concordat-shared-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

async function openNode(database: Database, directory: string, more = {}): Promise<Node> {
  const shared = await openSharedFiles({
    ...{ store: createSharedFileStore(database), folder: localFolder(directory, ['keys'], isShared) },
    ...{ keys, scope: 'DEV/GOV/1/ss1', isShared, directory, log: { warn: () => undefined }, ...more },
  })
  const file = (name: string): string | undefined => {
    try {
      return readFileSync(path.join(directory, name), 'utf8')
    } catch {
      return undefined
    }
  }
  return { ...shared, directory, file }
}

await eachDatabase(t, async (_database, t, url) => {
  const database = await openDatabase(url)
  t.teardown(() => database.close())
  await migrate(database, sharedFileMigrations)
  const [one, two] = [newFolder(t), newFolder(t)]
  mkdirSync(path.join(one, 'keys'))
  writeFileSync(path.join(one, 'keys/a.json'), 'first')
  writeFileSync(path.join(one, 'keys/other.txt'), 'not shared')
  const a = await openNode(database, one)
  t.match(
    JSON.parse(`${a.forJoining()}`),
    { epoch: /^[0-9a-f]{32}$/, counter: 1 },
    'who joins at once knows the database',
  )
  const b = await openNode(database, two)

  await t.test('what a node had is on the next one, private', async (t) => {
    t.equal(b.file('keys/a.json'), 'first')
    t.equal(b.file('keys/other.txt'), undefined)
    t.equal(statSync(path.join(two, 'keys/a.json')).mode & 0o777, 0o600)
    const rows = await tablesOf<{ shared_file: { sealed: Buffer } }>(database)
      .selectFrom('shared_file')
      .selectAll()
      .execute()
    t.notOk(rows.some(({ sealed }) => sealed.includes('first')))
  })

  await t.test('changes, deletions and news', async (t) => {
    const heard: string[][] = []
    b.onChange((changes) => {
      heard.push([...changes.keys()])
      b.known(changes)
    })
    t.equal(await b.isBehind(), false)
    await a.write('top.pem', Buffer.from('pem'))
    await a.remove('keys/a.json')
    t.equal(await b.isBehind(), true)
    await b.pull()
    t.same(heard, [['top.pem', 'keys/a.json']])
    t.equal(b.file('top.pem'), 'pem')
    t.equal(b.file('keys/a.json'), undefined)
    await b.pull()
    t.equal(heard.length, 1)
    await t.rejects(a.write('../evil', Buffer.from('x')), { code: 'internal_error' })
  })

  await t.test('two nodes at once: no change is lost', async (t) => {
    await Promise.all(
      [a, b].flatMap((node, n) =>
        Array.from({ length: 8 }, (_, i) => node.write(`keys/n${n}x${i}.json`, Buffer.from(`${n} ${i}`))),
      ),
    )
    const add = async (node: Node, word: string): Promise<void> => {
      for (;;) {
        const present = node.file('keys/words.json') ?? ''
        try {
          return await node.write('keys/words.json', Buffer.from(`${present}${word} `))
        } catch (thrown) {
          if (!isOutdated(thrown)) throw thrown
          takeNewer(thrown)
        }
      }
    }
    const words = Array.from({ length: 10 }, (_, i) => `w${i}`)
    const inTurn = async (node: Node, list: string[]): Promise<void> => {
      for (const word of list) await add(node, word)
    }
    await Promise.all([inTurn(a, words.slice(0, 5)), inTurn(b, words.slice(5))])
    await Promise.all([a.pull(), b.pull()])
    for (const node of [a, b]) {
      t.same(node.file('keys/words.json')!.trim().split(' ').sort(), words)
      t.equal(node.file('keys/n1x7.json'), '1 7')
      t.equal(node.file('keys/n0x7.json'), '0 7')
    }
  })

  await t.test('a write takes the place of what the rooms have read, and of nothing newer', async (t) => {
    const [c, d] = [await openNode(database, newFolder(t)), await openNode(database, newFolder(t))]
    const words = 'keys/slow.json'
    await c.write(words, Buffer.from('one'))
    await d.pull()
    const heard: ReadonlyMap<string, number>[] = []
    d.onChange((changes) => heard.push(changes))
    t.same([...heard[0]!.keys()], [words], 'what came before anybody listened is told at once')
    const refused = await d.write(words, Buffer.from('two')).catch((thrown: unknown) => thrown)
    t.ok(isOutdated(refused), 'it is on the disk, and no room has read it')
    await c.write(words, Buffer.from('three'))
    await d.pull()
    d.known(heard[0]!)
    t.ok(isOutdated(await d.write(words, Buffer.from('four')).catch((thrown: unknown) => thrown)))
    t.equal(d.file(words), 'three')
    d.known(heard[1]!)
    d.known(heard[0]!)
    await d.write(words, Buffer.from('five'))
    await c.pull()
    t.equal(c.file(words), 'five')
    const late = await c.remove(words).catch((thrown: unknown) => thrown)
    t.ok(isOutdated(late))
    takeNewer(late)
    await c.remove(words)
    await d.pull()
    t.equal(d.file(words), undefined)
  })

  await t.test('a stale node catches up, a deleted file stays deleted', async (t) => {
    await a.write('keys/gone.json', Buffer.from('x'))
    await b.pull()
    await a.remove('keys/gone.json')
    const again = await openNode(database, two)
    t.equal(again.file('keys/gone.json'), undefined)
    writeFileSync(path.join(two, 'keys/byhand.json'), 'by hand')
    writeFileSync(path.join(two, 'top.pem'), 'damaged on this disk')
    await openNode(database, two)
    t.equal(again.file('top.pem'), 'pem', 'the database is the truth')
    await a.pull()
    t.equal(a.file('keys/byhand.json'), 'by hand')
  })

  await t.test('deleted from outside it goes everywhere; a row that is merely gone comes back', async (t) => {
    const store = createSharedFileStore(database)
    const of = (name: string) => deleteSharedFile(store, { keys, scope: 'DEV/GOV/1/ss1', name })
    await a.write('keys/retired.json', Buffer.from('x'))
    await b.pull()
    await of('keys/retired.json')
    await of('keys/retired.json')
    await Promise.all([a.pull(), b.pull()])
    for (const node of [a, b, await openNode(database, two), await openNode(database, one)])
      t.equal(node.file('keys/retired.json'), undefined)
    await a.write('keys/again.json', Buffer.from('x'))
    await b.pull()
    const more = parseClusterKeys(`${TEXT}\n${newClusterKey()}`, 'cluster-key')
    await deleteSharedFile(store, { keys: more, scope: 'DEV/GOV/1/ss1', name: 'keys/again.json' })
    await b.pull()
    t.equal(b.file('keys/again.json'), undefined, 'also where the file has a line that no process has read')
    await t.rejects(of('keys/never.json'), { code: 'not_found' })
    const other = parseClusterKeys(newClusterKey(), 'k')
    await t.rejects(deleteSharedFile(store, { keys: other, scope: 'DEV/GOV/1/ss1', name: 'top.pem' }), {
      code: 'invalid_configuration',
    })
    await a.pull()
    t.equal(a.file('top.pem'), 'pem')
  })

  await t.test('a stranger, another key, another server', async (t) => {
    const strange = newFolder(t)
    writeFileSync(path.join(strange, 'top.pem'), 'my own')
    await t.rejects(openNode(database, strange), { code: 'conflict', message: /top\.pem/ })
    t.equal(readFileSync(path.join(strange, 'top.pem'), 'utf8'), 'my own')
    const other = { keys: parseClusterKeys(newClusterKey(), 'k') }
    await t.rejects(openNode(database, newFolder(t), other), { code: 'invalid_configuration' })
    await t.rejects(openNode(database, newFolder(t), { scope: 'DEV/GOV/1/ss2' }), { code: 'io_error' })
    const both = parseClusterKeys(`${TEXT}\n${newClusterKey()}`, 'k')
    const rotated = await openNode(database, newFolder(t), { keys: both })
    t.equal(rotated.file('top.pem'), 'pem', 'a key that was replaced still opens')
  })

  await t.test('rows of an older key get the newest one, and say the same', async (t) => {
    const both = parseClusterKeys(`${TEXT}\n${newClusterKey()}`, 'cluster-key')
    const newer = clusterKeysOf([both.lines[1]!])
    const store = createSharedFileStore(database)
    await a.pull()
    const [before, count] = [await store.after(0), await store.counter()]
    const scope = 'DEV/GOV/1/ss1'
    t.same(await sealFilesAnew({ store, keys: both, scope }), { sealed: before.length, left: 0 })
    t.same(await sealFilesAnew({ store, keys: both, scope }), { sealed: 0, left: 0 })
    t.equal(await store.counter(), count, 'nothing has changed for nodes')
    for (const { name, change, sealed } of await store.after(0)) {
      const old = openFile(keys, { scope, name, change }, before.find((row) => row.name === name)!.sealed)
      t.match(openFile(keys, { scope, name, change }, sealed), { failure: 'key' })
      t.same(openFile(newer, { scope, name, change }, sealed), old)
    }
    await openNode(database, two, { keys: both })
    const missing = parseClusterKeys(newClusterKey(), 'cluster-key')
    t.same(await sealFilesAnew({ store, keys: missing, scope }), { sealed: 0, left: before.length })
    t.same(
      await sealFilesAnew({ store, keys: clusterKeysOf([newer.lines[0], ...keys.lines]), scope }),
      { sealed: before.length, left: 0 },
      'and back',
    )
  })

  await t.test('a node seals by an older line as long as others lack the newest', async (t) => {
    const both = parseClusterKeys(`${TEXT}\n${newClusterKey()}`, 'cluster-key')
    sealBy(both, 0)
    const newer = await openNode(database, two, { keys: both })
    await newer.write('keys/beside.json', Buffer.from('by the older line'))
    await a.pull()
    t.equal(a.file('keys/beside.json'), 'by the older line')
    sealBy(both, 1)
    await newer.write('keys/beside.json', Buffer.from('by the newest'))
    await t.rejects(a.pull(), { code: 'invalid_configuration' }, 'who lacks it')
    sealBy(both, 0)
    await newer.remove('keys/beside.json')
    await a.pull()
    t.equal(a.file('keys/beside.json'), undefined)
    await b.pull()
  })

  await t.test('altered rows and a database that was set back', async (t) => {
    const tables = tablesOf<{
      shared_file: { name: string; change: number; sealed: Buffer }
      shared_file_change: { counter: number }
    }>(database)
    const rowOf = (name: string) =>
      tables.selectFrom('shared_file').selectAll().where('name', '=', name).executeTakeFirstOrThrow()
    await a.write('top.pem', Buffer.from('old'))
    const old = await rowOf('top.pem')
    await a.write('top.pem', Buffer.from('new'))
    await b.pull()
    const good = await rowOf('top.pem')
    // An old row under a new number.
    await tables
      .updateTable('shared_file')
      .set({ sealed: old.sealed, change: Number(good.change) + 1 })
      .where('name', '=', 'top.pem')
      .execute()
    await tables
      .updateTable('shared_file_change')
      .set({ counter: Number(good.change) + 1 })
      .execute()
    await t.rejects(b.pull(), { code: 'io_error' })
    t.match(b.trouble(), { code: 'io_error' })
    t.equal(b.file('top.pem'), 'new', 'what this node had stays')
    await tables.updateTable('shared_file').set(good).where('name', '=', 'top.pem').execute()
    await b.pull()
    t.equal(b.trouble(), undefined)
    await tables.updateTable('shared_file_change').set({ counter: 3 }).execute()
    await t.rejects(b.pull(), { code: 'conflict' })
    await t.rejects(openNode(database, two), { code: 'conflict', message: /shared-files-seen/ })
    t.equal(b.file('top.pem'), 'new')
    const newest = Number(good.change) + 5
    await tables.updateTable('shared_file_change').set({ counter: newest }).execute()
    await b.pull()
    // The whole row of before, with its number: it opens, but no node saw or was told that one.
    await tables.updateTable('shared_file').set(old).where('name', '=', 'top.pem').execute()
    await t.rejects(openNode(database, two), { code: 'conflict', message: /an earlier top\.pem/ })
    const joining = newFolder(t)
    writeFileSync(path.join(joining, 'shared-files-seen'), b.forJoining())
    await t.rejects(openNode(database, joining), { code: 'conflict', message: /an earlier top\.pem/ })
    await tables.deleteFrom('shared_file').where('name', '=', 'keys/gone.json').execute()
    await tables.updateTable('shared_file').set(good).where('name', '=', 'top.pem').execute()
    await t.rejects(openNode(database, two), { code: 'conflict', message: /an earlier keys\/gone\.json/ })
    t.equal(readFileSync(path.join(two, 'top.pem'), 'utf8'), 'new')
  })

  await t.test('set back on purpose: the newest files come from the folder that has them', async (t) => {
    const tables = tablesOf<{
      shared_file: { name: string; change: number; sealed: Buffer }
      shared_file_change: { id: number; counter: number; epoch: string }
    }>(database)
    const empty = async (): Promise<void> => {
      await tables.deleteFrom('shared_file').execute()
      await tables.deleteFrom('shared_file_change').execute()
    }
    await empty()
    const [last, older, oldest] = [newFolder(t), newFolder(t), newFolder(t)]
    const first = await openNode(database, last)
    await first.write('top.pem', Buffer.from('stolen'))
    const [rows, changes] = await Promise.all([
      tables.selectFrom('shared_file').selectAll().execute(),
      tables.selectFrom('shared_file_change').selectAll().execute(),
    ])
    await openNode(database, older)
    writeFileSync(path.join(oldest, 'shared-files-seen'), '1\n')
    writeFileSync(path.join(oldest, 'top.pem'), 'stolen')
    await first.write('keys/newer.json', Buffer.from('in its place'))
    await first.pull()
    await empty()
    await tables.insertInto('shared_file_change').values(changes).execute()
    await tables.insertInto('shared_file').values(rows).execute()
    const refusalOf = async (directory: string): Promise<string> => {
      const thrown = (await openNode(database, directory).catch((fault: unknown) => fault)) as Error
      t.match(thrown, { code: 'conflict' })
      return thrown.message
    }
    const isSafe = (text: string): boolean =>
      /empty its tables shared_file and shared_file_change.*highest counter/.test(text) &&
      !/remove|move .*away/.test(text)
    t.ok(isSafe(await refusalOf(last)))
    const seen = readFileSync(path.join(last, 'shared-files-seen'))
    rmSync(path.join(last, 'shared-files-seen'))
    const without = await refusalOf(last)
    t.match(without, /keys\/newer\.json.*keep this folder/)
    t.ok(isSafe(without))
    writeFileSync(path.join(last, 'shared-files-seen'), seen)
    await empty()
    const again = await openNode(database, last)
    t.equal(again.file('keys/newer.json'), 'in its place')
    t.equal((await openNode(database, older)).file('keys/newer.json'), 'in its place', 'who had less gets it')
    await empty()
    t.equal((await openNode(database, oldest)).file('top.pem'), 'stolen', 'also one of before epochs')
    t.ok(isSafe(await refusalOf(last)), 'the older one was first: nothing of the newer one is lost')
    t.equal(readFileSync(path.join(last, 'keys/newer.json'), 'utf8'), 'in its place')
  })

  await t.test('a new database whose counter is past that of the old one is a stranger', async (t) => {
    const before = JSON.parse(b.forJoining().toString()) as object
    writeFileSync(
      path.join(two, 'shared-files-seen'),
      JSON.stringify({ ...before, epoch: 'f'.repeat(32), versions: {} }),
    )
    writeFileSync(path.join(two, 'top.pem'), 'of the old database')
    await t.rejects(openNode(database, two), { code: 'conflict', message: /is not that of the other nodes/ })
    t.equal(b.file('top.pem'), 'of the old database', 'not overwritten')
    for (const damaged of ['x', '{}', '{"epoch":"a","counter":-1,"versions":{}}']) {
      writeFileSync(path.join(two, 'shared-files-seen'), damaged)
      await t.rejects(openNode(database, two), { code: 'io_error' })
    }
  })
})

t.test('a kind of file that only a newer version shares', (t) =>
  eachDatabase(
    t,
    async (database, t) => {
      const isNewer = (name: string): boolean => isShared(name) || name === 'newer.pem'
      const lines: unknown[] = []
      const log = { warn: (...line: unknown[]) => void lines.push(line) }
      const [one, two] = [newFolder(t), newFolder(t)]
      const newerNode = (directory: string): Promise<Node> =>
        openNode(database, directory, { isShared: isNewer, folder: localFolder(directory, [], isNewer) })
      const newer = await newerNode(one)
      const older = await openNode(database, two, { log })
      await newer.write('newer.pem', Buffer.from('of the newer version'))
      await newer.write('newer.pem', Buffer.from('once more'))
      await newer.write('top.pem', Buffer.from('behind it'))
      await older.pull()
      await newer.write('newer.pem', Buffer.from('and again'))
      await older.pull()
      t.equal(older.trouble(), undefined)
      t.equal(older.file('top.pem'), 'behind it', 'what stands behind it is taken over')
      t.equal(older.file('newer.pem'), undefined)
      t.match(lines, [[{ file: 'newer.pem' }, /a kind that this version does not know/]])
      t.equal(lines.length, 1, 'said once')
      t.equal((await openNode(database, two)).seen(), older.seen(), 'the older version starts with it')
      t.equal((await openNode(database, newFolder(t))).file('top.pem'), 'behind it', 'in a new folder, too')
      t.equal((await newerNode(two)).file('newer.pem'), 'and again', 'and a node that becomes newer has it')
      const tables = tablesOf<{ shared_file: { name: string; sealed: Buffer } }>(database)
      const altered = { sealed: Buffer.concat([Buffer.of(1), Buffer.alloc(80)]) }
      await tables.updateTable('shared_file').set(altered).where('name', '=', 'newer.pem').execute()
      await t.rejects(
        openNode(database, two),
        { code: 'invalid_configuration' },
        'nobody makes up such a file',
      )
    },
    { ...sharedFileMigrations },
  ),
)
