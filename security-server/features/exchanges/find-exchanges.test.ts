/**
 * Exchanges as a search lists them, compared with a plain grouping of the same records, in pages of any size.
 */
import t from 'tap'
import type { FoundRow, RecordFilter, SearchFilter } from '../../reading/index/search-filter.ts'
import { findExchanges } from './find-exchanges.ts'

const COUNT = 300
const OWN = 'DEV/GOV/1/SS'

/** Requests whose replies come at once, late or never, refusals, and records that belong to no exchange. */
function rowOf(idx: number): FoundRow {
  const isLate = idx % 7 === 6
  const isReply = idx % 2 === 1
  const request = isLate && isReply ? Math.max(0, idx - 41) : idx & ~1
  const isRefusal = idx % 29 === 5
  return {
    ...{ idx, time: new Date(Date.UTC(2026, 2, 1) + idx * 1000).toISOString(), direction: 'in' },
    kind: isRefusal ? 'refusal' : isReply ? 'reply' : 'request',
    outcome: isRefusal ? 'access_denied' : isReply ? 'ok' : '',
    request_id: idx % 50 === 9 ? '' : isRefusal ? `refused${idx}` : `r${request}`,
    ...{ query_id: 'q', client: 'DEV/GOV/2/tax', service: 'DEV/GOV/1/p/persons', peer: 'DEV/GOV/2/SS' },
    answers: isReply && !isRefusal ? request : null,
    ...{ keep_days: null, secrecy: 0, user_hash: null, party_hash: null, terms: 0 },
    ...{ contract: '', purpose: '', endpoint: '' },
  }
}

const ROWS = Array.from({ length: COUNT }, (_, idx) => rowOf(idx))

function fits(row: FoundRow, { failed, requestIds, kind }: RecordFilter): boolean {
  return (
    (failed === undefined || failed === !['', 'ok'].includes(row.outcome)) &&
    (requestIds === undefined || requestIds.includes(row.request_id)) &&
    (kind === undefined || row.kind === kind)
  )
}

/** `hurry`: a walk that ends early each time, as one through a large log. */
function logOf(hurry: boolean, all = ROWS) {
  return {
    own: OWN,
    listSome: async ({ before = all.length, limit, ...filter }: SearchFilter) => {
      const older = all.filter(({ idx }) => idx < before).toReversed()
      const isCompleting = filter.requestIds !== undefined
      const looked = hurry && !isCompleting ? older.slice(0, 5) : older
      const rows = looked.filter((row) => fits(row, filter)).slice(0, limit)
      const searchedTo = looked.at(-1)?.idx
      const isEarly = looked.length < older.length && rows.length < limit && searchedTo !== undefined
      return { rows, ...(isEarly && { searchedTo }) }
    },
  }
}

for (const [hurry, size] of [
  [false, 1],
  [false, 7],
  [false, 200],
  [true, 7],
] as const)
  for (const filter of [{}, { failed: true }, { failed: false }, { kind: 'request' }] as RecordFilter[])
    t.test(`${JSON.stringify(filter)} by ${size}${hurry ? ', in a hurry' : ''}`, async (t) => {
      const seen: string[] = []
      let whole = true
      for (let before: number | undefined; ; ) {
        const page = { limit: size, ...(before === undefined ? {} : { before }) }
        const { exchanges, searchedTo } = await findExchanges(logOf(hurry), filter, page)
        for (const { index, records } of exchanges) {
          const id = records[0]!.requestId
          seen.push(id === '' ? `alone ${index}` : id)
          const all = ROWS.filter((row) => id !== '' && row.request_id === id).map(({ idx }) => idx)
          whole &&= id === '' || String(records.map((one) => one.index)) === String(all)
        }
        before = exchanges.length === size ? exchanges.at(-1)!.index : searchedTo
        if (before === undefined) break
      }
      const wanted = new Set(
        ROWS.filter((row) => fits(row, filter)).map(({ request_id: id, idx }) =>
          id === '' ? `alone ${idx}` : id,
        ),
      )
      t.same(seen.toSorted(), [...wanted].toSorted(), 'each once')
      t.ok(whole, 'with all its records')
    })

/** One record after the other: of which exchange, with which peer, and what it answers. */
async function listed(records: Partial<FoundRow>[], limit = 50): Promise<number[][]> {
  const all = records.map((one, idx): FoundRow => ({ ...rowOf(0), request_id: 'same', ...one, idx }))
  const found: number[][] = []
  for (let before: number | undefined; ; ) {
    const page = { limit, ...(before === undefined ? {} : { before }) }
    const { exchanges, searchedTo } = await findExchanges(logOf(false, all), {}, page)
    found.push(...exchanges.map((one) => one.records.map(({ index }) => index)))
    before = exchanges.length === limit ? exchanges.at(-1)!.index : searchedTo
    if (before === undefined) return found
  }
}

t.test('a server that gives one request id to many requests hides none of them', async (t) => {
  const [asked, answered] = [
    { kind: 'request', direction: 'in', answers: null, peer: 'DEV/GOV/2/SS' },
    { kind: 'reply', direction: 'out', peer: 'DEV/GOV/2/SS' },
  ]
  const many = [asked, { ...answered, answers: 0 }, asked, asked, { ...answered, answers: 2 }]
  for (const limit of [1, 50]) t.same(await listed(many, limit), [[2, 4], [3], [0, 1]])
  // Nor can it name the id of a request that it got from here.
  const ours = { kind: 'request', direction: 'out', answers: null, peer: '' }
  const reply = { kind: 'reply', direction: 'in', answers: 0, peer: 'DEV/GOV/2/SS' }
  t.same(await listed([ours, reply, asked, { ...answered, answers: 2 }]), [
    [2, 3],
    [0, 1],
  ])
  const crowd = Array.from({ length: 1200 }, (_, at) =>
    at % 2 === 0 ? asked : { ...answered, answers: at - 1 },
  )
  t.equal(new Set((await listed(crowd)).flat()).size, 1200, 'each record of very many is shown')
})

t.test('a server that is asked by itself has one exchange of both halves', async (t) => {
  const halves = [
    { kind: 'request', direction: 'out', answers: null, peer: '' },
    { kind: 'request', direction: 'in', answers: null, peer: OWN },
    { kind: 'reply', direction: 'out', answers: 1, peer: OWN },
    { kind: 'reply', direction: 'in', answers: 0, peer: OWN },
  ]
  t.same(await listed(halves), [[0, 1, 2, 3]])
})
