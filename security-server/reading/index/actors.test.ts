/**
 * Searches by user id and represented party on both stores: they find every match, the database has only
 * hashes, and nothing is found after an erasure or without the key.
 */
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { sql } from 'kysely'
import t from 'tap'
import { actorForm, isOfActors } from '#core/log-export/actors.ts'
import { tablesOf } from '#platform/database/open-database.ts'
import { createTurn } from '#platform/in-turn.ts'
import { eachDatabase } from '#test/databases.ts'
import {
  logFolder,
  logOptions,
  openTestDatabase,
  openTestLog,
  signedRecord,
  signer,
} from '../../message-log/fixture.ts'
import { readLogKeys } from '../../message-log/keys/log-keys.ts'
import { createRecentRecords } from '../../message-log/records/recent-records.ts'
import { createSettled } from '../../message-log/records/settled.ts'
import { createActorHasher, hashesOf, openTerms, sealTerm } from './actors.ts'
import { blockOf } from './block-store.ts'
import { indexRecords } from './index-records.ts'
import type { RecordFilter, SearchRow } from './search-filter.ts'
import type { IndexTables } from './tables.ts'
import { actorMethods } from './worker-actors.ts'

const keyOf = (fill: number) => ({ id: Buffer.alloc(8, fill), key: Buffer.alloc(32, fill) })
const KEYS = [keyOf(1), keyOf(2)]
const indexesOf = (rows: SearchRow[]): number[] => rows.map(({ idx }) => Number(idx))

t.test('terms: of one name the same, opened by their own key for their own kind alone', async (t) => {
  const [first, second] = KEYS as [(typeof KEYS)[0], (typeof KEYS)[0]]
  const name = 'EE38001010000'
  const term = sealTerm({ kind: 'userId', name }, first)
  t.same(openTerms({ userTerm: term }, KEYS), { userId: name })
  t.same(openTerms({}, KEYS), {})
  t.equal(sealTerm({ kind: 'userId', name }, first), term)
  t.not(sealTerm({ kind: 'userId', name: `${name}1` }, first), term)
  t.not(sealTerm({ kind: 'userId', name }, second), term)
  t.notOk(Buffer.from(term, 'base64url').includes(name))
  const isRefused = (given: string, keys = KEYS) =>
    t.throws(() => openTerms({ userTerm: given }, keys), { code: 'invalid_input' }, given.slice(0, 20))
  isRefused(term, [second])
  isRefused('')
  isRefused('x'.repeat(200))
  isRefused(`${term}\n`)
  isRefused(`${term}=`)
  isRefused(sealTerm({ kind: 'representedParty', name }, first))
  const bytes = Buffer.from(term, 'base64url')
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes)
    changed[at]! ^= 1
    t.throws(() => openTerms({ userTerm: changed.toString('base64url') }, KEYS), { code: 'invalid_input' })
    t.throws(() => openTerms({ userTerm: bytes.subarray(0, at).toString('base64url') }, KEYS))
  }
})

t.test('names have one form, and one that has none stands for itself', async (t) => {
  t.equal(actorForm(' ee3800-101 0000'), actorForm('EE38001010000'))
  t.equal(actorForm('x'.repeat(600)), 'x'.repeat(600))
  const said = { extra: { userId: 'ee-1', representedParty: 'GOV/7' } }
  t.ok(isOfActors({ userId: 'EE1' }, said))
  t.ok(isOfActors({ userId: 'EE1', representedParty: 'gov/7' }, said))
  t.notOk(isOfActors({ userId: 'EE1', representedParty: '/7' }, said))
  for (const none of [undefined, null, {}, { extra: null }, { extra: { userId: 1 } }])
    t.notOk(isOfActors({ userId: 'EE1' }, none))
})

await eachDatabase(t, async (_database, t, url) => {
  const { search, database, close } = await openTestDatabase(url)
  t.teardown(close)
  const hash = createActorHasher()
  const EDGES = [0, 5, 32_767, 32_768, 65_536, 99_999]
  const size = 100_000
  const outcomeOf = (idx: number): string => (idx % 7 === 0 ? 'access_denied' : '')
  const row = (idx: number, user: string, party?: string): SearchRow => ({
    ...{ idx, time: new Date(idx * 1000).toISOString(), kind: 'request', direction: 'in' },
    ...{ outcome: outcomeOf(idx), query_id: '', request_id: '', client: '', service: '', peer: '' },
    ...{ answers: null, keep_days: null, secrecy: idx === 5 ? 1 : 0, terms: 0 },
    user_hash: hash(KEYS[idx < 40_000 ? 0 : 1]!, blockOf(idx), { kind: 'userId', name: user }),
    party_hash:
      party === undefined ? null : hash(KEYS[0]!, blockOf(idx), { kind: 'representedParty', name: party }),
  })
  const rows = [
    ...EDGES.map((idx) => row(idx, 'EE1', idx < 32_768 ? 'GOV/7' : undefined)),
    ...Array.from({ length: 12_000 }, (_, at) => row(10 + at * 2, 'system')),
    ...Array.from({ length: 3000 }, (_, at) => ({ ...row(11 + at * 2, 'clerk'), kind: 'reply' })),
  ]
  await search.add(rows, { from: 0, to: size, others: [] })
  // Listing by hour reads the times of these records.
  const records = rows.map(({ idx, time }) => ({
    ...{ idx, leaf: Buffer.alloc(32), form: JSON.stringify({ time }), content: Buffer.alloc(0) },
    signature_id: null,
  }))
  for (let at = 0; at < records.length; at += 1000)
    await tablesOf<IndexTables>(database)
      .insertInto('record')
      .values(records.slice(at, at + 1000))
      .execute()
  const asked = (userId: string | undefined, party?: string, keys = KEYS): RecordFilter => {
    const terms = {
      userTerm: userId && sealTerm({ kind: 'userId', name: userId }, KEYS[0]!),
      representedPartyTerm: party && sealTerm({ kind: 'representedParty', name: party }, KEYS[0]!),
    }
    return { ...terms, actors: hashesOf(terms, [KEYS[0]!, ...keys]) } as RecordFilter
  }

  await t.test('from every block, by page, newest first; with whatever else narrows it', async (t) => {
    const open = EDGES.filter((idx) => idx !== 5)
    t.same(indexesOf(await search.list({ ...asked('ee-1'), limit: 50 }, size)), open.toReversed())
    t.same(
      indexesOf(await search.list({ ...asked('EE1'), clearance: 1, limit: 50 }, size)),
      EDGES.toReversed(),
      'secret ones for whom they are',
    )
    t.same(indexesOf(await search.list({ ...asked('EE1'), limit: 2 }, size)), [99_999, 65_536])
    t.same(
      indexesOf(await search.list({ ...asked('EE1'), limit: 9, before: 65_536 }, size)),
      [32_768, 32_767, 0],
    )
    t.same(indexesOf(await search.list({ ...asked('EE1', 'gov/7'), limit: 9 }, size)), [32_767, 0])
    t.same(await search.list({ ...asked('EE1', '/7'), limit: 9 }, size), [])
    t.same(await search.list({ ...asked('EE2'), limit: 9 }, size), [])
    t.same(indexesOf(await search.list({ ...asked('EE1'), failed: true, limit: 9 }, size)), [32_767, 0])
    const some = { from: new Date(32_000_000).toISOString(), to: new Date(65_536_000).toISOString() }
    t.same(indexesOf(await search.list({ ...asked('EE1'), ...some, limit: 9 }, size)), [32_768, 32_767])
    t.same(
      indexesOf(await search.list({ ...asked('EE1', undefined, []), limit: 9 }, size)),
      [32_768, 32_767, 0],
      'what a key that is gone has hashed is not found',
    )
    const walked: number[] = []
    for (let after = -1; after < size - 1; ) {
      const { rows, last } = await search.window(asked('EE1'), { after, size })
      walked.push(...indexesOf(rows))
      after = last
    }
    t.same(walked, open)
  })

  await t.test('an actor of many records is looked for where the rest fits', async (t) => {
    const ofSystem = rows.slice(EDGES.length).filter(({ kind }) => kind === 'request')
    const wanted = ofSystem.filter(({ outcome }) => outcome !== '')
    const seen: number[] = []
    for (let before: number | undefined; ; before = seen.at(-1)) {
      const page = { limit: 500, ...(before === undefined ? {} : { before }) }
      const found = await search.list({ ...asked('system'), failed: true, ...page }, size)
      seen.push(...indexesOf(found))
      if (found.length < 500 || seen.length > size) break
    }
    t.same(seen, wanted.map(({ idx }) => idx).reverse())
    const budget = { ms: 0, stretch: 1000 }
    const never = { ...asked('system'), kind: 'reply', limit: 50 }
    const ends: number[] = []
    for (let before = size; ; before = ends.at(-1)!) {
      const found = await search.listSome({ ...never, before }, size, budget)
      t.same(found.rows, [], 'of what is frequent and never coincides nothing is found, in no part')
      if (found.searchedTo === undefined || found.searchedTo >= before) break
      ends.push(found.searchedTo)
    }
    t.ok(ends.length > 3, `it ended early and went on ${ends.length} times`)
    t.equal(ends.at(-1), 11, 'down to the oldest')
  })

  await t.test('the same user has another hash in each block', async (t) => {
    const hashes = rows.slice(0, EDGES.length).map(({ user_hash }) => user_hash!.toString('hex'))
    t.equal(new Set(hashes).size, 4)
    const { rows: columns } = await sql<object>`select * from search where idx = 0`.execute(database.kysely)
    t.notOk(JSON.stringify(columns).includes('EE1'))
  })
})

await eachDatabase(t, async (_database, t, url) => {
  const folder = logFolder(t)
  const { stamp, memberSigner } = await signer()
  const options = { ...logOptions(folder, url), stamp, signer: memberSigner }
  const log = await openTestLog(t, options)
  const userTerm = async (name: string) => ({ userTerm: await log.sealActor({ kind: 'userId', name }) })
  const found = async (name: string): Promise<number[]> =>
    indexesOf(await log.list({ ...(await userTerm(name)), limit: 50 })).reverse()
  const request = async (extra: Record<string, string>) =>
    (await log.append(await signedRecord({ extra, outcome: '' }))).index
  const answer = async (answers: number) =>
    (await log.append(await signedRecord({ kind: 'reply', direction: 'out', answers, outcome: 'ok' }))).index

  const first = await request({ userId: 'EE38001010000-planted', representedParty: 'GOV/planted-7' })
  await request({ userId: 'EE2' })
  const reply = await answer(first)
  t.same(await found('ee38001010000planted'), [first, reply], 'what answers it too')
  const party = await log.sealActor({ kind: 'representedParty', name: 'GOV/planted-7' })
  t.same(indexesOf(await log.list({ representedPartyTerm: party, failed: false, limit: 9 })), [reply, first])
  t.same(await log.openActors({ representedPartyTerm: party }), { representedParty: 'GOV/planted-7' })
  await t.rejects(log.list({ userTerm: party, limit: 9 }), { code: 'invalid_input' })
  t.same(await log.actorGaps(), [])

  // The request was indexed long ago: its name is read from the record again, even after its content was
  // erased.
  await log.retention.erase({ index: first, mode: 'PROOF_KEPT', case: 'C-1', reason: 'order' })
  await log.rotateLogKey()
  const late = await answer(first)
  t.same(await found('EE38001010000-planted'), [first, reply, late], 'hashed under another key')

  if (url.startsWith('sqlite:')) {
    const file = url.slice('sqlite:'.length)
    for (const name of readdirSync(path.dirname(file)).filter((one) => one.startsWith(path.basename(file))))
      t.notOk(readFileSync(path.join(path.dirname(file), name)).includes('planted'), name)
  }

  const gone = await request({ userId: 'EE3' })
  t.same(await found('EE3'), [gone])
  await log.retention.erase({ index: gone, mode: 'LEAF_ONLY', case: 'C-1', reason: 'order' })
  t.same(await found('EE3'), [], 'erased but for its leaf')

  const [old] = readLogKeys(options.keyFolder).byId.keys()
  const name = readdirSync(options.keyFolder).find((one) => one.includes(old!))!
  rmSync(path.join(options.keyFolder, name))
  t.same(await found('EE38001010000-planted'), [late], 'a key that is gone leads to nothing')
  const [gap] = await log.actorGaps()
  t.match(gap, { first: 0, reason: 'key_destroyed' })
  t.ok(gap!.last >= reply && gap!.last < late)
})

t.test('a gap reaches as far as what is durable', async (t) => {
  // Other nodes write all the while, and a crash of the database takes back the key that one of them
  // announced last.
  let key = 7
  let size = 6
  const key1 = { id: 'a1', idx: 0, time: '', checkpoint_key: Buffer.alloc(0) }
  const records = {
    mark: async () => 0,
    logKeys: async () => (key-- === 7 ? [key1, { ...key1, id: 'a2', idx: 7 }] : [key1]),
  }
  const head = async () => ({ size: size++, peaks: [] })
  const settled = createSettled({ store: { head }, own: () => 5, inTurn: createTurn() })
  const { actorGaps } = actorMethods(records, { current: () => keyOf(1), all: () => [] }, settled)
  t.strictSame(await actorGaps(), [{ first: 0, last: 5, reason: 'key_destroyed' }])
})

t.test('who waits for the index is told how far it is, though another node moved it less far', async (t) => {
  await eachDatabase(t, async (_database, t, url) => {
    const { records, search, terms, database, close } = await openTestDatabase(url)
    t.teardown(close)
    const form = {
      time: '2026-05-01T00:00:00.000Z',
      kind: 'request',
      direction: 'in',
      outcome: '',
      contract: '',
    }
    const rows = [0, 1, 2].map((idx) => ({
      ...{ idx, leaf: Buffer.alloc(32), form: JSON.stringify(form), content: Buffer.alloc(0) },
      signature_id: null,
    }))
    await tablesOf<IndexTables>(database).insertInto('record').values(rows).execute()
    let hasMoved = false
    const beside: typeof search = {
      ...search,
      add: async (...mine) => {
        if (!hasMoved) await search.add([], { from: 0, to: 1, others: [] })
        hasMoved = true
        return search.add(...mine)
      },
    }
    const recent = createRecentRecords(1, 1)
    const [logKey] = KEYS as [(typeof KEYS)[0]]
    const q = { records, search: beside, terms, size: 3, recent, findKey: () => undefined, logKey }
    t.equal(await indexRecords(q), 1, 'there is more to do')
    t.equal(await records.mark('search'), 1)
    t.equal(await indexRecords(q), 3)
    t.equal(await records.mark('search'), 3)
  })
})
