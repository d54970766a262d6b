/**
 * Files in the database on both stores: bounded memory, two nodes, makers that died and that live, pieces
 * that are altered or missing.
 */
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import t from 'tap'
import { migrate } from '#platform/database/migrate.ts'
import { inTransaction, openDatabase, tablesOf } from '#platform/database/open-database.ts'
import { clusterKeysOf, newClusterKey, parseClusterKeys } from '#platform/shared-files/cluster-key.ts'
import { eachDatabase } from '#test/databases.ts'
import { createStoredFileStore, createStoredFileTables, type StoredFileStore } from './store.ts'
import { createStoredFiles, PIECE_OCTETS, type StoredFiles } from './stored-files.ts'

type Rows = {
  stored_file: { id: string; size: number; sha256: Buffer | null }
  stored_file_piece: { file: string; start: number; sealed: Buffer }
}

const LARGE = 200 * 1024 * 1024
const keys = parseClusterKeys(newClusterKey(), 'key')
const scope = 'DEV/GOV/1234/ss1'

await eachDatabase(t, async (database, t, url) => {
  await migrate(database, { 'stored-files': { up: createStoredFileTables } })
  const other = await openDatabase(url)
  t.teardown(() => other.close())
  const filesOf = (store: StoredFileStore, of = keys) => createStoredFiles({ store, keys: of, scope })
  const mine = filesOf(createStoredFileStore(database))
  const theirs = filesOf(createStoredFileStore(other))
  const tables = tablesOf<Rows>(database)
  const complete = (id: string, size: number, sha256: Buffer) =>
    inTransaction(tables, (within) => mine.complete(id, { size, sha256, within }))
  const kept = async (content: Buffer, files: StoredFiles = mine): Promise<string> => {
    const id = randomUUID()
    await files.begin(id, { maker: 'a' })
    const size = await files.write(id, inChunks(content))
    await complete(id, size, sha256Of(content))
    return id
  }
  const readAll = async (id: string, of: StoredFiles = theirs): Promise<Buffer> =>
    buffer((await of.open(id)).read())
  const piecesOf = async (id: string): Promise<number[]> => {
    const pieces = tables.selectFrom('stored_file_piece').select('start').where('file', '=', id)
    return (await pieces.orderBy('start').execute()).map(({ start }) => Number(start))
  }

  await t.test('what one node writes another reads, whole and in ranges', async (t) => {
    for (const size of [0, 1, PIECE_OCTETS, PIECE_OCTETS + 1, 3 * PIECE_OCTETS + 77]) {
      const content = randomBytes(size)
      const id = await kept(content)
      t.ok((await readAll(id)).equals(content), `${size} octets`)
      const { read } = await theirs.open(id)
      for (const [start, end] of [
        [0, size],
        [PIECE_OCTETS - 1, PIECE_OCTETS + 1],
        [size - 1, size],
      ] as const) {
        if (start < 0 || end > size) continue
        t.ok((await buffer(read(start, end))).equals(content.subarray(start, end)))
      }
    }
    const id = await kept(Buffer.from('in the clear'))
    const row = tables.selectFrom('stored_file_piece').selectAll().where('file', '=', id)
    t.notMatch((await row.executeTakeFirstOrThrow()).sealed.toString('latin1'), /clear/)
  })

  await t.test('it is there for nobody before its row is complete', async (t) => {
    const id = randomUUID()
    const content = randomBytes(PIECE_OCTETS)
    await mine.begin(id, { maker: 'a' })
    await mine.append(id, 0, content)
    await t.rejects(theirs.open(id), { code: 'not_found' })
    t.ok(
      (await theirs.digest((await theirs.written(id)).read)).equals(sha256Of(content)),
      'its maker reads it back',
    )
    await t.rejects(complete(id, PIECE_OCTETS - 1, sha256Of(content)), { code: 'conflict' })
    await t.rejects(mine.append(id, 0, content), { code: 'conflict' }, 'not twice')
    await t.rejects(
      mine.append(id, PIECE_OCTETS, content, async () => {
        throw new Error('the note failed')
      }),
    )
    t.same(await piecesOf(id), [0], 'neither piece nor note')
    await complete(id, PIECE_OCTETS, sha256Of(content))
    await t.rejects(mine.append(id, PIECE_OCTETS, content), { code: 'conflict' })
    t.ok((await readAll(id)).equals(content))
  })

  await t.test('what its maker left goes; what lives stays', async (t) => {
    const [dead, alive, done, shared] = [randomUUID(), randomUUID(), await kept(randomBytes(9)), randomUUID()]
    await mine.begin(dead, { maker: 'dead' })
    await mine.append(dead, 0, randomBytes(40_000))
    await mine.begin(alive, { maker: 'alive' })
    await mine.begin(shared, { maker: null })
    await theirs.sweep(async () => new Set(['alive']))
    t.same(await piecesOf(dead), [])
    await t.rejects(
      mine.append(dead, 40_000, randomBytes(9)),
      { code: 'conflict' },
      'it is told that it is gone',
    )
    for (const id of [alive, shared]) await mine.append(id, 0, randomBytes(9))
    t.equal((await readAll(done)).length, 9)
    // One that begins while others look which processes live.
    const late = randomUUID()
    await theirs.sweep(async () => {
      await mine.begin(late, { maker: 'late' })
      return new Set(['alive'])
    })
    await mine.append(late, 0, randomBytes(9))
    // One that is completed meanwhile.
    const content = randomBytes(9)
    const quick = randomUUID()
    await mine.begin(quick, { maker: 'quick' })
    await mine.append(quick, 0, content)
    await theirs.sweep(async () => {
      await complete(quick, 9, sha256Of(content))
      return new Set(['alive', 'late'])
    })
    t.ok((await readAll(quick)).equals(content))
  })

  await t.test('a removal that was cut off is gone on with', async (t) => {
    const id = await kept(randomBytes(PIECE_OCTETS * 2))
    await createStoredFileStore(database).markRemoved(id, { unlessComplete: false })
    await t.rejects(theirs.open(id), { code: 'not_found' })
    await theirs.sweep(async () => new Set())
    t.same(await piecesOf(id), [])
    t.equal(await createStoredFileStore(database).get(id), undefined)
    await theirs.remove(id)
  })

  await t.test('a piece that is altered, moved, missing or sealed for others', async (t) => {
    const content = randomBytes(3 * PIECE_OCTETS)
    const second = { start: PIECE_OCTETS }
    const damages: [string, (id: string) => Promise<unknown>][] = [
      [
        'altered',
        async (id) => {
          const piece = tables.selectFrom('stored_file_piece').selectAll().where('file', '=', id)
          const { sealed } = await piece.where('start', '=', second.start).executeTakeFirstOrThrow()
          sealed[1000]! ^= 1
          return change(id).set({ sealed }).execute()
        },
      ],
      [
        'cut to nothing',
        (id) =>
          change(id)
            .set({ sealed: Buffer.alloc(0) })
            .execute(),
      ],
      ['of another file', async (id) => copy(await kept(content), id, second.start)],
      ['of another place', (id) => copy(id, id, 0)],
      ...[0, PIECE_OCTETS, 2 * PIECE_OCTETS].map((start): [string, (id: string) => Promise<unknown>] => [
        `missing at ${start}`,
        (id) =>
          tables.deleteFrom('stored_file_piece').where('file', '=', id).where('start', '=', start).execute(),
      ]),
      [
        'cut short',
        async (id) => {
          const size = 2 * PIECE_OCTETS
          await tables.updateTable('stored_file').set({ size }).where('id', '=', id).execute()
        },
      ],
    ]
    const change = (id: string) =>
      tables.updateTable('stored_file_piece').where('file', '=', id).where('start', '=', second.start)
    const copy = async (from: string, to: string, start: number): Promise<void> => {
      const piece = tables.selectFrom('stored_file_piece').selectAll().where('file', '=', from)
      const { sealed } = await piece.where('start', '=', start).executeTakeFirstOrThrow()
      await change(to).set({ sealed }).execute()
    }
    for (const [what, damage] of damages) {
      const id = await kept(content)
      const opened = await theirs.open(id)
      await damage(id)
      await t.rejects(theirs.open(id), { code: 'stored_file_damaged' }, what)
      // Damage that comes after the look ends the answer, at the latest where it is.
      if (what !== 'cut short')
        await t.rejects(buffer(opened.read()), { code: 'stored_file_damaged' }, `${what} while read`)
    }
    const id = await kept(content)
    const strange = parseClusterKeys(newClusterKey(), 'key')
    await t.rejects(filesOf(createStoredFileStore(other), strange).open(id), {
      code: 'stored_file_damaged',
      message: /sealed under a cluster key that this node has not/,
    })
    await t.rejects(theirs.open(id, sha256Of(randomBytes(1))), { code: 'stored_file_damaged' })
    const [both] = [parseClusterKeys(`${newClusterKey()}\n${newClusterKey()}`, 'key')]
    const older = await kept(
      content,
      filesOf(createStoredFileStore(database), clusterKeysOf([both.lines[0]])),
    )
    t.ok((await readAll(older, filesOf(createStoredFileStore(other), both))).equals(content), 'an older key')
  })

  await t.test('pieces of an older key get the newest one, beside reading and deleting', async (t) => {
    const newer = parseClusterKeys(newClusterKey(), 'key')
    const content = randomBytes(3 * PIECE_OCTETS + 5)
    const [id, another] = [await kept(content), await kept(randomBytes(PIECE_OCTETS + 1))]
    const store = createStoredFileStore(database)
    const changing = filesOf(store, clusterKeysOf([keys.lines[0], newer.lines[0]]))
    const { signal } = new AbortController()
    const deleting: StoredFileStore = {
      ...store,
      async pieceWith(file, octet) {
        const piece = await store.pieceWith(file, octet)
        if (file === another) await mine.remove(another)
        return piece
      },
    }
    /** Of the file of another key, above. */
    const strangers = 3
    const { left } = await filesOf(deleting, clusterKeysOf([keys.lines[0], newer.lines[0]])).sealAnew(signal)
    const [old] = await tables
      .selectFrom('stored_file_piece')
      .select((row) => row.fn.countAll().as('all'))
      .execute()
    t.ok(Number(old!.all) >= 4)
    t.equal(left, strangers, 'those of a key that is not here')
    t.same(await piecesOf(another), [])
    t.ok((await readAll(id, filesOf(store, newer))).equals(content), 'the older key is not needed')
    await t.rejects(readAll(id), { code: 'stored_file_damaged', message: /cluster key/ })
    t.match(await changing.sealAnew(signal), { sealed: 0 })
    await t.rejects(filesOf(store, keys).sealAnew(AbortSignal.abort()), { name: 'AbortError' })
    t.match(await filesOf(store, clusterKeysOf([newer.lines[0], keys.lines[0]])).sealAnew(signal), {
      left: strangers,
    })
    t.ok((await readAll(id)).equals(content), 'and back')
  })

  await t.test('sealing anew rests as long as it works', async (t) => {
    await kept(randomBytes(5 * PIECE_OCTETS))
    const store = createStoredFileStore(database)
    let workedMs = 0
    const timed =
      <Q extends unknown[], Result>(act: (...q: Q) => Promise<Result>) =>
      async (...q: Q): Promise<Result> => {
        const begun = performance.now()
        const result = await act(...q)
        workedMs += performance.now() - begun
        return result
      }
    const slow: StoredFileStore = {
      ...store,
      heads: timed(store.heads),
      pieceWith: timed(store.pieceWith),
      replaceSealed: timed(store.replaceSealed),
    }
    const newer = parseClusterKeys(newClusterKey(), 'key')
    const begun = performance.now()
    const { sealed } = await filesOf(slow, clusterKeysOf([keys.lines[0], newer.lines[0]])).sealAnew(
      new AbortController().signal,
    )
    const tookMs = performance.now() - begun
    t.ok(sealed >= 5)
    // A timer may fire a millisecond early.
    t.ok(tookMs > 2 * workedMs - 2 * sealed, `${tookMs} ms, of which ${workedMs} were work`)
    await filesOf(store, clusterKeysOf([newer.lines[0], keys.lines[0]])).sealAnew(
      new AbortController().signal,
    )
  })

  await t.test('a large file, of which one piece at a time is in memory', async (t) => {
    const size = database.dialect === 'postgresql' ? LARGE : 10 * PIECE_OCTETS
    const chunk = randomBytes(100_000)
    let [given, most, appends] = [0, 0, 0]
    let taken = 0
    const store = createStoredFileStore(database)
    const files = filesOf({
      ...store,
      append: async (q) => {
        appends++
        most = Math.max(most, given - q.at)
        return store.append(q)
      },
    })
    async function* source(): AsyncGenerator<Buffer> {
      for (; given < size; ) {
        const part = chunk.subarray(0, Math.min(chunk.length, size - given))
        given += part.length
        yield part
      }
    }
    const id = randomUUID()
    await files.begin(id, { maker: 'a' })
    t.equal(await files.write(id, source()), size)
    t.equal(appends, Math.ceil(size / PIECE_OCTETS))
    t.ok(most < PIECE_OCTETS + chunk.length, `${most} octets at most were taken and not yet written`)
    let [reads, early] = [0, 0]
    const reading = filesOf({
      ...createStoredFileStore(other),
      pieceWith: async (...q) => {
        reads++
        if (Math.floor(taken / PIECE_OCTETS) < reads - 1) early++
        return createStoredFileStore(other).pieceWith(...q)
      },
    })
    const sha256 = createHash('sha256')
    for await (const part of (await reading.written(id)).read()) {
      sha256.update(part)
      taken += part.length
    }
    t.equal(early, 0, 'no piece is read before the one before it was taken')
    const expected = createHash('sha256')
    for (let at = 0; at < size; at += chunk.length) expected.update(chunk.subarray(0, size - at))
    t.ok(sha256.digest().equals(expected.digest()))
    await theirs.remove(id)
    t.same(await piecesOf(id), [])
  })
})

function sha256Of(content: Buffer): Buffer {
  return createHash('sha256').update(content).digest()
}

async function* inChunks(content: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < content.length; at += 70_000) yield content.subarray(at, at + 70_000)
}
