/** Compares the search index with a plain filter over the same rows, out of order in time, on both stores. */

import { sql } from 'kysely'
import t from 'tap'
import { migrate } from '#platform/database/migrate.ts'
import { tablesOf } from '#platform/database/open-database.ts'
import { eachDatabase } from '#test/databases.ts'
import { LOG_PARTS } from '../../log-parts.ts'
import { openTestDatabase } from '../../message-log/fixture.ts'
import { logMigrations } from '../../message-log/part.ts'
import { addCounts, classOf, LATENCY_ERROR, type LatencyCounts, percentilesOf } from './latency.ts'
import { allLatencies, type Latencies } from './latency-store.ts'
import type { RecordFilter, SearchRow } from './search-filter.ts'
import type { IndexTables } from './tables.ts'

const HOUR_MS = 3_600_000
const START = Date.parse('2026-03-01T21:30:00.000Z')
const COUNT = 600
const PROVIDER = 'DEV/GOV/1/population'

const UPKEEP: Record<number, string> = {
  8: 'listMethods',
  9: 'listMethods',
  20: 'getWsdl/v1',
  31: 'clientReg',
  32: 'clientReg/v1',
  40: 'relistMethods',
  // Nobody's upkeep: services of an agency that are called as those of the registry and of servers are, a
  // code that is written otherwise, and a version and a subsystem that are called so.
  33: 'getSecurityServerMetrics',
  41: 'LISTMETHODS',
  42: 'persons/getWsdl',
}
const OF_THE_INSTANCE: Record<number, string> = {
  45: 'DEV/GOV/9/management/clientReg',
  46: 'DEV/GOV/9/management/authCertReg/v1',
  47: 'DEV/GOV/9/management/persons',
  48: 'DEV/GOV/9/getSecurityServerMetrics',
}
const NAMED_SO = 'DEV/GOV/1/clientReg/persons'
const MANAGEMENT = 'DEV/GOV/9/management'

/**
 * Deterministic rows: few of some kinds, clocks that sometimes go back, and identifiers with a common
 * beginning.
 */
function rowOf(idx: number): SearchRow {
  const clients = ['DEV/GOV/2/tax', 'DEV/GOV/2/tax_x', 'DEV/GOV/22/tax', 'DEV/COM/3/b%25nk']
  const isReply = idx % 2 === 1
  const isRefused = idx % 97 === 3
  return {
    idx,
    time: new Date(START + idx * 60_000 - (idx % 13 === 0 ? 2 * HOUR_MS : 0)).toISOString(),
    kind: isRefused ? 'refusal' : isReply ? 'reply' : 'request',
    direction: idx % 5 === 0 ? 'out' : 'in',
    outcome: isRefused ? 'access_denied' : isReply ? 'ok' : '',
    query_id: `q${idx >> 1}`,
    request_id: `r${idx >> 1}`,
    client: clients[idx % 31 === 0 ? 3 : idx % 3]!,
    service:
      OF_THE_INSTANCE[idx % 50] ??
      (idx % 50 === 44
        ? NAMED_SO
        : `${PROVIDER}/${idx % 400 === 7 ? 'rare' : (UPKEEP[idx % 50] ?? 'persons')}`),
    peer: `DEV/GOV/2/SS${idx % 2}`,
    answers: isReply ? idx - 1 : null,
    keep_days: null,
    secrecy: 0,
    user_hash: null,
    party_hash: null,
    terms: idx % 200 === 11 ? 4 : idx % 4,
  }
}

/**
 * Contracts and terms; a row refers to them by number, 0 for none. Two identifiers have a common beginning,
 * and one is rare.
 */
const CONTRACTS = ['0b0e8a3c-6b8e-4b8a-9d38-4f4b0c0f6a11', '0b0e8a3c-6b8e-4b8a-9d38-4f4b0c0f6a12']
const TERMS = [
  { contract: '', purpose: '', endpoint: '' },
  { contract: `${CONTRACTS[0]}/1`, purpose: 'Tax % assessment', endpoint: 'GET /persons/*' },
  { contract: `${CONTRACTS[0]}/12`, purpose: 'Tax % assessment', endpoint: '' },
  { contract: `${CONTRACTS[1]}/1`, purpose: 'Tax', endpoint: 'GET /persons/*/children' },
  { contract: '', purpose: '', endpoint: 'GET /rare/*' },
]

const ROWS = Array.from({ length: COUNT }, (_, idx) => rowOf(idx))
const isoOf = (hours: number): string => new Date(START + hours * HOUR_MS).toISOString()

const FILTERS: RecordFilter[] = [
  {},
  { service: `${PROVIDER}/rare` },
  { outcome: 'access_denied' },
  { failed: true },
  { failed: false, direction: 'out' },
  { kind: 'request', peer: 'DEV/GOV/2/SS0' },
  { client: 'DEV/GOV/2/tax' },
  { party: 'DEV/GOV/2' },
  { party: 'DEV/GOV/2/tax' },
  { party: PROVIDER, client: 'DEV/COM/3/b%25nk' },
  { party: 'DEV/GOV/_' },
  { from: isoOf(3.3), to: isoOf(9.7) },
  { failed: true, from: isoOf(3.3), to: isoOf(9.7) },
  { direction: 'in', to: isoOf(2) },
  { client: 'DEV/GOV/2/tax', from: isoOf(5), to: isoOf(5) },
  { requestId: 'r17' },
  { queryId: 'q17', kind: 'reply' },
  { requestId: 'r17', from: isoOf(100) },
  { outcome: "' or 1=1 --" },
  { contract: CONTRACTS[0]! },
  { contract: `${CONTRACTS[0]}/1` },
  { contract: CONTRACTS[1]!, failed: true },
  { contract: CONTRACTS[0]!.slice(0, 20) },
  { contract: '%' },
  { purpose: 'Tax % assessment', direction: 'out' },
  { purpose: 'Tax' },
  { endpoint: 'GET /rare/*' },
  { endpoint: 'GET /rare/*', from: isoOf(3.3), to: isoOf(9.7) },
  { endpoint: 'GET /persons/*', contract: `${CONTRACTS[0]}/12` },
  { endpoint: 'GET /persons/*', requestId: 'r18' },
  { requestIds: ['r17', 'r290', 'no such', 'r18'] },
  { requestIds: ['r17', 'r18'], kind: 'reply', from: isoOf(0) },
  { upkeep: true },
  { upkeep: true, management: MANAGEMENT },
  { upkeep: false, failed: true, management: MANAGEMENT },
]

function fits(row: SearchRow, filter: RecordFilter): boolean {
  const { queryId, requestId, from, to, party, failed, contract, purpose, endpoint, ...more } = filter
  const { requestIds, upkeep, management, ...exact } = more
  const said = TERMS[row.terms]!
  return (
    (contract === undefined || said.contract === contract || said.contract.startsWith(`${contract}/`)) &&
    (purpose === undefined || said.purpose === purpose) &&
    (endpoint === undefined || said.endpoint === endpoint) &&
    Object.entries(exact).every(([name, value]) => row[name as keyof SearchRow] === value) &&
    (queryId === undefined || row.query_id === queryId) &&
    (requestId === undefined || row.request_id === requestId) &&
    (requestIds === undefined || requestIds.includes(row.request_id)) &&
    (upkeep === undefined ||
      upkeep ===
        (['listMethods', 'getWsdl'].includes(row.service.split('/')[4]!) ||
          row.service === OF_THE_INSTANCE[48] ||
          (management !== undefined && [OF_THE_INSTANCE[45], OF_THE_INSTANCE[46]].includes(row.service)))) &&
    (from === undefined || row.time >= from) &&
    (to === undefined || row.time < to) &&
    (party === undefined ||
      row.client === party ||
      [row.client, row.service].some((id) => id.startsWith(`${party}/`))) &&
    (failed === undefined || failed === !['', 'ok'].includes(row.outcome))
  )
}

await eachDatabase(t, async (_database, t, url) => {
  const { search, terms, records, database, close } = await openTestDatabase(url)
  t.teardown(close)
  const tables = tablesOf<IndexTables>(database)
  for (const { idx, time, terms } of ROWS) {
    const form = JSON.stringify({ contract: TERMS[terms]!.contract, time })
    const row = { idx, leaf: Buffer.alloc(32), form, content: Buffer.alloc(0) }
    await tables
      .insertInto('record')
      .values({ ...row, signature_id: null })
      .execute()
  }
  for (const [id, { contract, purpose, endpoint }] of TERMS.entries())
    if (id > 0)
      await tables
        .insertInto('search_terms')
        .values({ id, key: Buffer.from([id]), contract, purpose, endpoint, secrecy: id === 3 ? 1 : 0 })
        .execute()
  // An odd number, so that some replies are indexed after their request.
  for (let from = 0; from < COUNT; from += 71) {
    const to = Math.min(from + 71, COUNT)
    const some = { from, to, others: [] }
    // Two nodes index the same records.
    await Promise.all([search.add(ROWS.slice(from, to), some), search.add(ROWS.slice(from, to), some)])
  }
  t.equal(await records.mark('search'), COUNT)

  await t.test('each filter gives what fits, once, in pages of any size', async (t) => {
    for (const filter of FILTERS) {
      const wanted = ROWS.filter((row) => fits(row, filter)).map(({ idx }) => idx)
      const name = JSON.stringify(filter)
      for (const limit of [7, 500]) {
        const seen: number[] = []
        for (let before: number | undefined; ; before = seen.at(-1)!) {
          const q = { ...filter, limit, ...(before === undefined ? {} : { before }) }
          const page = await search.list(q, COUNT)
          seen.push(...page.map(({ idx }) => Number(idx)))
          if (page.length < limit) break
        }
        t.same(
          seen.toSorted((a, b) => a - b),
          wanted,
          `${name} by ${limit}`,
        )
      }
      const hurried: number[] = []
      let parts = 0
      for (let before: number | undefined; ; parts++) {
        const q = { ...filter, limit: 7, ...(before === undefined ? {} : { before }) }
        const page = await search.listSome(q, COUNT, { ms: 0, stretch: 5 })
        hurried.push(...page.rows.map(({ idx }) => Number(idx)))
        before = page.searchedTo ?? hurried.at(-1)
        if (page.rows.length < 7 && page.searchedTo === undefined) break
      }
      t.same(
        hurried.toSorted((a, b) => a - b),
        wanted,
        `${name} in ${parts} parts, a few records at a time`,
      )
      const walked: number[] = []
      for (let after = -1; after < COUNT - 1; ) {
        const { rows, last } = await search.window(filter, { after, size: COUNT })
        walked.push(...rows.map(({ idx }) => Number(idx)))
        t.ok(last > after)
        after = last
      }
      t.same(walked, wanted, `${name} in one walk`)
    }
    const [newest] = await search.list({ client: 'DEV/GOV/2/tax', limit: 1 }, COUNT)
    t.equal(
      newest?.time,
      ROWS.filter(({ client }) => client === 'DEV/GOV/2/tax')
        .map(({ time }) => time)
        .sort()
        .at(-1),
    )
    t.same((await search.window({}, { after: -1, size: 10 })).rows.length, 10, 'no further than the size')
  })

  await t.test('what there is to search for, as far as its reader may see it', async (t) => {
    const there = (of: 'contract' | 'purpose' | 'endpoint', more = {}) =>
      terms.termsThere({ of, clearance: 0, holding: '', limit: 9, ...more })
    t.same(await there('contract'), [`${CONTRACTS[0]}/1`, `${CONTRACTS[0]}/12`])
    t.same(
      await there('contract', { clearance: 1 }),
      TERMS.slice(1, 4).map(({ contract }) => contract),
    )
    t.same(await there('purpose'), ['Tax % assessment'], 'each once')
    t.same(await there('endpoint', { holding: 'rare' }), ['GET /rare/*'])
    t.same(await there('endpoint', { holding: '%' }), [])
    t.same(await there('endpoint', { limit: 1 }), ['GET /persons/*'])
  })

  await t.test('counts are those of the rows', async (t) => {
    const question = {
      filter: {},
      from: '2026-03-01T00',
      to: '2026-03-09T00',
      step: 'day',
      by: 'client',
      groups: 2,
    } as const
    const { total, steps, groups, others } = await search.traffic(question)
    const ended = ROWS.filter(({ kind }) => kind !== 'request')
    const refused = ended.filter(({ outcome }) => outcome === 'access_denied').length
    t.same(total, { exchanges: ended.length, failed: refused })
    const sum = (counts: { exchanges: number }[]) => counts.reduce((all, { exchanges }) => all + exchanges, 0)
    t.equal(sum(steps), ended.length)
    for (const { at, exchanges } of steps)
      t.equal(exchanges, ended.filter(({ time }) => time.startsWith(at)).length, at)
    t.equal(groups.length, 2)
    t.equal(sum(groups) + others.exchanges, ended.length, 'the rest is said')
    const hours = await search.traffic({
      ...question,
      step: 'hour',
      from: '2026-03-02T01',
      to: '2026-03-02T03',
      by: 'outcome',
      filter: { party: 'DEV/GOV/22' },
    })
    t.same(
      hours.steps.map(({ at }) => at),
      ['2026-03-02T01', '2026-03-02T02'],
    )
    const day = '2026-03-02'
    const { pairs, total: ofDay } = await search.callsOf({ day, pairs: 500 })
    const those = ended.filter(({ time }) => time.startsWith(day))
    t.same(ofDay, {
      answered: those.filter(({ kind }) => kind === 'reply').length,
      failed: 0,
      refused: those.filter(({ kind }) => kind === 'refusal').length,
    })
    t.same(
      pairs.reduce((all, one) => all + one.answered, 0),
      ofDay.answered,
      'of all pairs that were answered',
    )
    const [most] = pairs
    t.equal(
      most!.answered,
      those.filter(
        ({ kind, client, service, direction }) =>
          kind === 'reply' &&
          client === most!.client &&
          service === most!.service &&
          direction === most!.direction,
      ).length,
    )
    t.same((await search.callsOf({ day, pairs: 2 })).pairs, pairs.slice(0, 2))
    t.same((await search.callsOf({ day: '2030-01-01', pairs: 2 })).total, {
      ...{ answered: 0, failed: 0, refused: 0 },
    })
    t.same((await search.traffic({ ...question, from: '2030', to: '2031' })).total, {
      exchanges: 0,
      failed: 0,
    })
  })

  await t.test('times of answers are those of the rows, by hour and pair, within the error', async (t) => {
    const from = '2026-03-01T00'
    const sumOf = async (filter: { client?: string }): Promise<LatencyCounts> => {
      const counts: LatencyCounts = new Map()
      for await (const rows of allLatencies(search, { from, to: '2026-03-09T00', filter }))
        for (const row of rows) addCounts(counts, row.counts)
      return counts
    }
    for (const filter of [{}, { client: 'DEV/GOV/2/tax' }, { client: 'DEV/COM/3/b%25nk' }]) {
      const took = ROWS.filter((row) => row.kind === 'reply' && fits(row, filter))
        .map(({ time, answers }) => Math.max(1, Date.parse(time) - Date.parse(ROWS[answers!]!.time)))
        .toSorted((a, b) => a - b)
      const found = percentilesOf(await sumOf(filter))!
      for (const [share, told] of [
        [0.5, found.p50],
        [0.95, found.p95],
        [0.99, found.p99],
      ] as const) {
        const right = took[Math.ceil(share * took.length) - 1]!
        t.ok(Math.abs(told - right) / right <= LATENCY_ERROR + 0.001, `${share}: ${told} for ${right}`)
      }
    }
    t.equal(percentilesOf(await sumOf({ client: 'DEV/GOV/9/none' })), undefined)
    t.equal(
      percentilesOf(new Map([[classOf(1e15), 1]]))!.p50,
      percentilesOf(new Map([[96, 1]]))!.p50,
      'bounded',
    )
    const pairs = await search.pairs({
      filter: { client: 'DEV/GOV/2/tax' },
      from,
      to: '2026-03-09T00',
      pairs: 2,
    })
    t.equal(pairs.pairs.length, 2)
    t.ok(pairs.clients.includes('DEV/COM/3/b%25nk'), 'one may choose another')
    const hours = await search.hoursOfPairs({ filter: {}, from, to: '2026-03-09T00', pairs: 10_000 })
    const all = hours.reduce((sum, { exchanges }) => sum + exchanges, 0)
    t.equal(all, ROWS.filter(({ kind }) => kind !== 'request').length)
    t.ok(
      hours.every(({ at }, i) => i === 0 || at <= hours[i - 1]!.at),
      'the newest first',
    )
  })

  await t.test('a log that an older version has indexed is counted when it is opened', async (t) => {
    const before = await search.traffic({
      filter: {},
      from: '2026',
      to: '2027',
      step: 'hour',
      by: 'peer',
      groups: 9,
    })
    await sql`drop table traffic`.execute(database.kysely)
    await sql`drop index search_request_id`.execute(database.kysely)
    await sql`drop index search_secret`.execute(database.kysely)
    await sql`drop table secret_record`.execute(database.kysely)
    await sql`drop table search_terms`.execute(database.kysely)
    for (const column of ['keep_days', 'secrecy', 'terms'])
      await sql`alter table search drop column ${sql.ref(column)}`.execute(database.kysely)
    const names = ['11-message-log-traffic', '14-message-log-secrecy', '20-message-log-search-terms']
    for (const name of names.map((one) => `2026-12-${one}`))
      await sql`delete from kysely_migration where name = ${name}`.execute(database.kysely)
    await migrate(database, logMigrations(LOG_PARTS))
    t.same(
      await search.traffic({ filter: {}, from: '2026', to: '2027', step: 'hour', by: 'peer', groups: 9 }),
      before,
    )
    for (const contract of [CONTRACTS[0]!, `${CONTRACTS[1]}/1`]) {
      const found = await search.list({ contract, limit: 500 }, COUNT)
      const wanted = ROWS.filter((row) => fits(row, { contract }))
      t.equal(found.length, Math.min(500, wanted.length), 'by the contract that its leaf forms name')
      t.match((await terms.withTerms(found)).at(0), { contract: new RegExp(contract), purpose: '' })
    }
    await search.add([rowOf(COUNT)], { from: COUNT, to: COUNT + 1, others: [] })
    const [last] = await search.list({ peer: 'DEV/GOV/2/SS0', limit: 1 }, COUNT + 1)
    t.equal(Number(last?.idx), COUNT, 'and goes on being counted')

    const late = { ...rowOf(COUNT + 1), time: '2026-05-01T00:00:00.000Z', kind: 'reply', answers: COUNT }
    await search.add([late], { from: COUNT + 1, to: COUNT + 2, others: [] })
    const kept: Latencies = []
    for await (const rows of allLatencies(search, { from: '2026-01', to: '2027', filter: {} }))
      kept.push(...rows)
    t.match(kept, [{ hour: '2026-05-01T00' }], 'hours before the last 35 days are forgotten')
  })
})
