/**
 * An export's range: what its leaf forms prove about records that are left out, and the manipulations that
 * they reveal.
 */
import { createHash } from 'node:crypto'
import t from 'tap'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { zipOf } from '#core/container/zip-fixture.ts'
import { writeCheckpoint } from '#core/merkle/checkpoint.ts'
import { createCompactRange } from '#core/merkle/compact-range.ts'
import { leafHash } from '#core/merkle/hash.ts'
import { leafForm } from '#core/merkle/leaf-form.ts'
import type { FoundRecord } from '#schemas/found-record.ts'
import { cellText, csvCell } from './csv-cell.ts'
import type { ExportFilter } from './filter.ts'
import { judgeRange, type RangeVerdict } from './judge-range.ts'
import { readExport } from './read-export.ts'

const zeros = (octets: number): string => Buffer.alloc(octets).toString('base64')
const SIZE = 10
const ID = '0b0e8a3c-6b8e-4b8a-9d38-4f4b0c0f6a11'
const facts = (index: number) => ({
  kind: index === 9 ? ('time-stamp' as const) : ('request' as const),
  direction: index === 9 ? ('' as const) : ('in' as const),
  time: `2027-01-04T12:00:0${index}.000Z`,
  outcome: index === 3 ? 'access_denied' : '',
})
/** The last records have no contract, because an older version wrote their rows. */
const contractOf = (index: number): string | null => (index < 4 ? `${ID}/${index < 2 ? 1 : 12}` : null)
const FORMS = Array.from({ length: SIZE }, (_, index) =>
  leafForm({
    ...{ version: 1, ...facts(index), logLevel: 'full', fields: '', answers: '' },
    contract: contractOf(index) ?? '',
    ...{ parties: zeros(32), message: zeros(32), body: zeros(32), signature: zeros(64) },
  }),
)
const row = (index: number): FoundRecord => ({
  ...facts(index),
  ...{ index, queryId: `q${index}`, requestId: 'r', peer: null, answers: null },
  clientId: index % 2 === 0 ? 'DEV:GOV:1:a' : 'DEV:GOV:2:b',
  serviceId: 'DEV:GOV:3:c:d',
})

type Change = { filter?: ExportFilter; rows?: FoundRecord[]; forms?: string[]; head?: object; csv?: string }

async function judged(q: Change): Promise<RangeVerdict> {
  const range = createCompactRange()
  for (const form of FORMS) range.append(leafHash(Buffer.from(form)))
  const text = writeCheckpoint({
    origin: 'DEV/GOV/3/ss1',
    size: SIZE,
    root: range.root(),
    extensions: [],
  } as never)
  const treeHead = `${text}\n\u2014 x ${Buffer.alloc(68, 1).toString('base64')}\n`
  const lines = (some: string[]): string => some.map((one) => `${one}\n`).join('')
  const rows = q.rows ?? Array.from({ length: SIZE - 1 }, (_, index) => row(index))
  const name = q.csv === undefined ? 'records.jsonl' : 'records.csv'
  const data = new Map([
    [name, q.csv ?? lines(rows.map((one) => JSON.stringify(one)))],
    ['forms.jsonl', lines(q.forms ?? FORMS)],
  ])
  const files = Object.fromEntries(
    [...data].map(([name, content]) => [name, createHash('sha256').update(content).digest('base64')]),
  )
  const head = {
    ...{ version: 1, log: 'DEV/GOV/3/ss1', format: 'jsonl', filter: q.filter ?? {}, treeHead, files },
    ...{ range: { first: 0, last: SIZE - 1 }, records: rows.length, erasedInRange: 0 },
    ...q.head,
  }
  const entries = [...data].map(([name, content]) => ({ name, data: content, deflate: true }))
  return judgeRange(await readExport(zipOf([...entries, { name: 'filter.json', data: canonicalJson(head) }])))
}

t.test('all is shown, or proved not to fit', async (t) => {
  t.match(await judged({}), { wrong: [], covered: true, shown: 9, ruledOut: 1, openCount: 0 })
  const failed = await judged({ filter: { failed: true }, rows: [row(3)] })
  t.match(failed, { wrong: [], shown: 1, ruledOut: 9, openCount: 0 }, 'outcomes stand in the forms')
  const from = '2027-01-04T14:00:05+02:00'
  const upkeep = { ...row(0), serviceId: 'DEV:GOV:3:c:listMethods' }
  t.same((await judged({ filter: { upkeep: true }, rows: [upkeep] })).wrong, [])
  t.match((await judged({ filter: { upkeep: false }, rows: [upkeep] })).wrong.join(), /does not fit/)
  const managementId = 'DEV:GOV:3:m'
  for (const serviceId of [
    'DEV:GOV:3:m:clientReg',
    'DEV:GOV:3:m:clientReg:v1',
    'DEV:GOV:3:getSecurityServerMetrics',
  ])
    t.same(
      (await judged({ filter: { upkeep: true, managementId }, rows: [{ ...upkeep, serviceId }] })).wrong,
      [],
    )
  for (const serviceId of [
    'DEV:GOV:3:listMethods:d',
    'DEV:GOV:3:c:listmethods',
    'DEV:GOV:3:m:clientReg',
    null,
  ])
    t.same((await judged({ filter: { upkeep: false }, rows: [{ ...upkeep, serviceId }] })).wrong, [])
  const later = await judged({ filter: { from }, rows: [5, 6, 7, 8].map(row) })
  t.match(later, { wrong: [], shown: 4, ruledOut: 6, openCount: 0 }, 'times too')
})

t.test('what only parties tell apart stays open, by its indexes', async (t) => {
  const filter = { partyId: 'DEV:GOV:1' }
  const party = await judged({ filter, rows: [0, 2, 4, 6, 8].map(row) })
  t.match(party, {
    wrong: [],
    shown: 5,
    ruledOut: 1,
    openCount: 4,
    open: [{ first: 1, last: 1 }, { first: 3 }, {}, {}],
  })
  const hidden = await judged({ rows: [0, 1, 2, 6, 7, 8].map(row) })
  t.match(hidden, { openCount: 3, open: [{ first: 3, last: 5 }] }, 'rows that were left out are seen')
})

t.test('contract, purpose and endpoint: what forms say rules out, the rest is open', async (t) => {
  const said = (index: number, more: Partial<FoundRecord> = {}): FoundRecord => ({
    ...row(index),
    ...{
      contract: contractOf(index),
      purpose: index < 4 ? 'a purpose' : null,
      endpoint: 'GET /a/*',
      ...more,
    },
  })
  const rows = [0, 1, 2, 3].map((index) => said(index))
  t.match(await judged({ filter: { contract: ID }, rows }), {
    wrong: [],
    shown: 4,
    ruledOut: 6,
    openCount: 0,
  })
  const first = { filter: { contract: `${ID}/1` }, rows: rows.slice(0, 2) }
  t.match(
    await judged(first),
    { wrong: [], shown: 2, ruledOut: 8, openCount: 0 },
    'a version is no other that begins so',
  )
  const purpose = { filter: { purpose: 'a purpose' }, rows: rows.slice(1) }
  t.match(
    await judged(purpose),
    { wrong: [], openCount: 1, ruledOut: 6 },
    'without a contract there is no purpose',
  )
  const endpoint = { filter: { endpoint: 'GET /a/*' }, rows }
  t.match(await judged(endpoint), { wrong: [], ruledOut: 1, openCount: 5 })
  const wrong = async (filter: ExportFilter, one: FoundRecord) =>
    (await judged({ filter, rows: [one] })).wrong.join()
  t.match(await wrong({}, said(0, { contract: `${ID}/2` })), /not what the log committed to/)
  const others = await judged({ head: { log: 'DEV/GOV/4/ss1' } })
  t.match(others.wrong.join(), /that of DEV\/GOV\/3\/ss1, and not of DEV\/GOV\/4\/ss1/)
  t.match(await wrong({}, said(0, { contract: null })), /not what the log committed to/)
  t.match(await wrong({ contract: ID.slice(0, 20) }, said(0)), /does not fit/)
  for (const filter of [{ purpose: 'another' }, { endpoint: 'GET /a' }, { contract: `${ID}/3` }])
    t.match(await wrong(filter, said(0)), /does not fit/)
  t.match(await wrong({ purpose: 'a purpose' }, row(0)), /does not fit/, 'an old row says nothing of it')
  await t.rejects(judged({ rows: [said(0, { purpose: 7 as never })] }), { code: 'malformed_bundle' })
  const { purpose: _purpose, ...half } = said(0)
  await t.rejects(judged({ rows: [half] }), { code: 'malformed_bundle' })
})

t.test('cells of a table are read as they were, and none begins a formula', (t) => {
  const texts = ['=1+1', "'=1", "''@x", "'plain", '-2', '\n=1', '\t+1', '＝1', '＠x', 'a,"b"\r\nc', '']
  for (const text of texts) {
    const cell = csvCell(text)
    const bare = cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell
    t.notMatch(bare, /^[=+\-@\t\r\n＝＋－＠]/, cell)
    t.equal(cellText(bare), text)
  }
  t.end()
})

t.test('cheats', async (t) => {
  const wrong = async (q: Change): Promise<string> => (await judged(q)).wrong.join()
  t.match(await wrong({ forms: FORMS.toSpliced(4, 1) }), /not those of the signed state/)
  t.match(await wrong({ forms: FORMS.with(4, FORMS[5]!) }), /not those of the signed state/)
  t.match(await wrong({ rows: [{ ...row(0), outcome: 'x' }] }), /not what the log committed to/)
  t.match(await wrong({ filter: { from: '2027-01-04T12:00:05Z' } }), /row 0 does not fit/)
  t.match(await wrong({ filter: { clientId: 'DEV:GOV:1:a' } }), /row 1 does not fit/)
  t.match(await wrong({ rows: [row(2), row(1)] }), /out of order/)
  t.match(await wrong({ rows: [{ ...row(0), index: 99 }] }), /out of order or range/)
  t.match(await wrong({ head: { records: 4 } }), /not 4/)
  t.match(await wrong({ head: { range: { first: 0, last: 4 } } }), /not that of the signed state/)
  const malformed = { code: 'malformed_bundle' }
  await t.rejects(judged({ head: { files: {} } }), malformed)
  await t.rejects(judged({ head: { version: 2 } }), malformed)
  await t.rejects(judged({ head: { filter: { from: 7 } } }), malformed)
  await t.rejects(judged({ rows: [{ ...row(0), more: 1 } as never] }), malformed)
  await t.rejects(judged({ csv: 'index,time\r\n1,2\r\n' }), malformed)
  await t.rejects(judged({ csv: 'index,"time\r\n' }), malformed)
  await t.rejects(readExport(Buffer.from('no ZIP file')), malformed)
  await t.rejects(readExport(zipOf([{ name: 'filter.json', data: '{' }])), malformed)
})
