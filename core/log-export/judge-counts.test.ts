/** Daily counts in an export: what they prove, and every manipulation of them is noticed. */
import { createHash, createHmac, hash } from 'node:crypto'
import t from 'tap'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { zipOf } from '#core/container/zip-fixture.ts'
import { writeCheckpoint } from '#core/merkle/checkpoint.ts'
import { createCompactRange } from '#core/merkle/compact-range.ts'
import { leafHash, nodeHash } from '#core/merkle/hash.ts'
import { commit, type LeafFields, leafForm } from '#core/merkle/leaf-form.ts'
import { inclusionProof } from '#core/merkle/proofs.ts'
import type { FoundRecord } from '#schemas/found-record.ts'
import type { DailyCounts } from './daily-counts.ts'
import { type CountRow, countRowDigest, countRowText, countsDocument } from './daily-counts.ts'
import type { ExportFilter } from './filter.ts'
import { hiddenForm } from './hidden-form.ts'
import { judgeRange, type RangeVerdict } from './judge-range.ts'
import { readExport } from './read-export.ts'

const SIZE = 10
/** The last record counts the records before it. */
const COUNTS = SIZE - 1
const SALT = Buffer.alloc(32, 7)
const zeros = (octets: number): string => Buffer.alloc(octets).toString('base64')
const secretIndex = 8
const facts = (index: number) => ({
  kind: 'request' as const,
  direction: 'in' as const,
  time: `2027-01-04T12:00:0${index}.000Z`,
  outcome: '',
})
const clientOf = (index: number): string => (index % 2 === 0 ? 'DEV/GOV/1/a' : 'DEV/GOV/2/b')
const colons = (id: string): string => id.replaceAll('/', ':')
const row = (index: number): FoundRecord => ({
  ...facts(index),
  ...{ index, queryId: `q${index}`, requestId: 'r', peer: null, answers: null },
  clientId: colons(clientOf(index)),
  serviceId: 'DEV:GOV:3:c:d',
})

const countRow = (q: Partial<CountRow>): string =>
  countRowText({
    ...{ client: 'DEV/GOV/1/a', direction: 'in', kind: 'request', outcome: '', peer: '', records: 4 },
    ...{ salt: Buffer.alloc(16, q.secrecy ?? 0).toString('base64'), secrecy: 0, service: 'DEV/GOV/3/c/d' },
    ...q,
  })
const ROWS = [countRow({}), countRow({ client: 'DEV/GOV/2/b' }), countRow({ records: 1, secrecy: 1 })]
const STRETCH = {
  ...{ first: 0, last: COUNTS - 1 },
  ...{ from: '2027-01-04T00:00:00.000Z', to: '2027-01-05T00:00:00.000Z' },
}

const form = (fields: Partial<LeafFields>): string =>
  leafForm({
    ...{ version: 1, kind: 'request', direction: 'in', time: facts(0).time, outcome: '' },
    ...{ logLevel: 'full', contract: '', fields: '', answers: '', parties: zeros(32), message: zeros(32) },
    ...{ body: zeros(32), signature: zeros(64) },
    ...fields,
  })

type Change = {
  filter?: ExportFilter
  rows?: FoundRecord[]
  withoutForms?: boolean
  /** The document to which the log committed, and the one in the export. */
  document?: string
  kind?: LeafFields['kind']
  counts?: Partial<DailyCounts>
  erasure?: number
  erasedInRange?: number
  twice?: boolean
}

async function judged(q: Change): Promise<RangeVerdict> {
  const document = q.document ?? countsDocument({ ...STRETCH, texts: ROWS })
  const digest = hash('sha512', document, 'buffer')
  const forms = Array.from({ length: SIZE - 1 }, (_, index) => form(facts(index)))
  if (q.erasure !== undefined) {
    const answers = leafHash(Buffer.from(forms[q.erasure]!)).toString('base64')
    forms.push(form({ kind: 'erasure', direction: '', answers, time: facts(COUNTS).time }))
  }
  const index = forms.length
  const message = commit('message', SALT, digest).toString('base64')
  forms.push(form({ kind: q.kind ?? 'daily-counts', direction: '', message, time: facts(COUNTS).time }))
  const leaves = forms.map((one) => leafHash(Buffer.from(one)))
  const range = createCompactRange()
  for (const leaf of leaves) range.append(leaf)
  const hashAt = async (level: number, number: number): Promise<Buffer> =>
    level === 0
      ? leaves[number]!
      : nodeHash(await hashAt(level - 1, number * 2), await hashAt(level - 1, number * 2 + 1))
  const path = await inclusionProof(leaves.length, index, hashAt)
  const key = createHmac('sha256', SALT).update('message').digest('base64')
  const counts = {
    ...{ index, form: forms[index]!, path: path.map((node) => node.toString('base64')), document },
    ...{
      opening: { key, digest: digest.toString('base64') },
      rows: [...ROWS.slice(0, 2), countRowDigest(ROWS[2]!)],
    },
    ...q.counts,
  }
  const text = writeCheckpoint({
    ...{ origin: 'DEV/GOV/3/ss1', size: leaves.length, root: range.root(), extensions: [] },
  } as never)
  const lines = (some: unknown[]): string => some.map((one) => `${JSON.stringify(one)}\n`).join('')
  const shown = forms.map((one, at) => (at === secretIndex ? hiddenForm(leaves[at]!) : one))
  const rows = q.rows ?? [0, 2, 4, 6].map(row)
  const data = new Map([
    ['records.jsonl', lines(rows)],
    ['daily-counts.jsonl', lines(q.twice ? [counts, counts] : [counts])],
  ])
  if (!q.withoutForms) data.set('forms.jsonl', shown.map((one) => `${one}\n`).join(''))
  const files = Object.fromEntries(
    [...data].map(([name, content]) => [name, createHash('sha256').update(content).digest('base64')]),
  )
  const head = {
    ...{
      version: 1,
      log: 'DEV/GOV/3/ss1',
      format: 'jsonl',
      filter: q.filter ?? { partyId: 'DEV:GOV:1' },
      files,
    },
    ...{ treeHead: `${text}\n— x ${Buffer.alloc(68, 1).toString('base64')}\n` },
    ...{
      range: { first: 0, last: leaves.length - 1 },
      records: rows.length,
      erasedInRange: q.erasedInRange ?? 0,
    },
  }
  const entries = [...data].map(([name, content]) => ({ name, data: content, deflate: true }))
  return judgeRange(await readExport(zipOf([...entries, { name: 'filter.json', data: canonicalJson(head) }])))
}

t.test('what the log counted as fitting is shown: nothing else of its stretch is open', async (t) => {
  const all = await judged({})
  t.match(all, { wrong: [], shown: 4, counted: 4, ruledOut: 1, openCount: 1, open: [{ first: 8, last: 8 }] })
  t.match(all.counts, { stretches: 1, missing: 0, settled: [{ first: 0, last: 8, hidden: true }] })
  const nobody = await judged({ filter: { partyId: 'DEV:GOV:9' }, rows: [] })
  t.match(nobody, { wrong: [], counted: 8, openCount: 1 }, 'that there is none is an answer too')
  const failed = await judged({ filter: { partyId: 'DEV:GOV:1', failed: true }, rows: [] })
  t.match(failed, { wrong: [], ruledOut: 9, openCount: 1 }, 'forms rule out more')
  const unseen = await judged({ withoutForms: true })
  t.match(unseen, { wrong: [], counted: 0, openCount: 6 }, 'without forms a hidden row leaves all open')
  const whole = await judged({ withoutForms: true, counts: { rows: ROWS }, rows: [0, 2, 4, 6, 8].map(row) })
  t.match(whole, { wrong: [], counted: 4, openCount: 1 }, 'and with all rows only what is not counted')
})

t.test('what they cannot tell stays open', async (t) => {
  const ids = { filter: { partyId: 'DEV:GOV:1', queryId: 'q0' }, rows: [row(0)] }
  t.match(await judged(ids), { wrong: [], counted: 0, openCount: 8 }, 'ids are not counted')
  const upkeep = countRow({ client: 'DEV/GOV/2/b', service: 'DEV/GOV/3/c/listMethods' })
  const kept = countsDocument({ ...STRETCH, texts: [ROWS[0]!, upkeep, ROWS[2]!] })
  const told = [ROWS[0]!, upkeep, countRowDigest(ROWS[2]!)]
  const agencies = { document: kept, counts: { rows: told } }
  const without = await judged({ ...agencies, filter: { upkeep: false }, rows: [0, 2, 4, 6].map(row) })
  t.match(without, { wrong: [], counted: 4 }, 'what keeps the instance going is counted apart')
  const cut = { filter: { partyId: 'DEV:GOV:1', from: facts(3).time }, rows: [4, 6].map(row) }
  t.match(await judged(cut), { wrong: [], counted: 0 }, 'a time within the stretch')
  const later = { filter: { partyId: 'DEV:GOV:1', from: '2027-02-01T00:00:00Z' }, rows: [] }
  t.match(await judged(later), { wrong: [], ruledOut: 9 }, 'a time beyond it')
  const unknown = [...ROWS.slice(0, 2), countRow({ client: '?', service: '?', peer: '?', records: 1 })]
  const document = countsDocument({ ...STRETCH, texts: unknown })
  t.match(
    await judged({ document, counts: { rows: unknown } }),
    { wrong: [], counted: 0 },
    'parties not told',
  )
  const erased = await judged({ erasure: 6, rows: [0, 2, 4].map(row) })
  t.match(erased, { wrong: [], counted: 0, counts: { missing: 1 } }, 'an erasure explains what is missing')
  const hidden = [countRow({ client: '?', service: '?', peer: '?', records: 1 }), ...ROWS.slice(0, 2)]
  const asHidden = { document: countsDocument({ ...STRETCH, texts: hidden }), counts: { rows: hidden } }
  const all = [0, 1, 2, 3, 4, 5, 6, 7].map(row)
  const secret = await judged({ ...asHidden, filter: {}, erasure: secretIndex, rows: all })
  t.match(secret, { wrong: [], counts: { missing: 1 } }, 'also one whose form is hidden')
  const unseen = { withoutForms: true, erasedInRange: 1, rows: [0, 2, 4].map(row) }
  t.match(await judged(unseen), { wrong: [], counted: 0 }, 'and so does the word of the server')
})

t.test('parties and outcomes that are not told', async (t) => {
  const folded = countRow({ client: '?', service: '?', peer: '?', records: 4 })
  const rows = [folded, ...ROWS.slice(1)]
  const some = {
    document: countsDocument({ ...STRETCH, texts: rows }),
    counts: { rows: rows.with(2, countRowDigest(ROWS[2]!)) },
  }
  t.match(await judged(some), { wrong: [], counted: 0 }, 'what is shown may be of them')
  const four = await judged({
    ...some,
    rows: [0, 2, 4, 6].map(row).concat({ ...row(7), clientId: 'DEV:GOV:1:a' }),
  })
  t.match(four.wrong.join(), /4 records that may fit, and 5 are shown/)
  const unknown = [countRow({ outcome: '?' }), ...ROWS.slice(1)]
  const outcome = { document: countsDocument({ ...STRETCH, texts: unknown }), counts: { rows: unknown } }
  t.match(await judged({ ...outcome, filter: { partyId: 'DEV:GOV:9' }, rows: [] }), { wrong: [], counted: 8 })
  const exact = await judged({
    ...outcome,
    filter: { partyId: 'DEV:GOV:1', outcome: '' },
    rows: [0, 2].map(row),
  })
  t.match(exact, { wrong: [], counted: 0 }, 'nobody knows which of them had this outcome')
})

t.test('cheats', async (t) => {
  const hidden = [countRowDigest(ROWS[0]!), ...ROWS.slice(1)]
  const leftOut = (await judged({ rows: [], counts: { rows: hidden } })).wrong.join()
  t.match(leftOut, /leave out a record of kind request whose form is shown/, 'a row hidden, its forms shown')
  const own = countRow({ direction: '', kind: 'time-stamp', client: '', service: '' })
  const asOwn = {
    document: countsDocument({ ...STRETCH, texts: [own, ...ROWS.slice(1)] }),
    counts: { rows: [own, ...ROWS.slice(1)] },
  }
  t.match((await judged({ ...asOwn, rows: [] })).wrong.join(), /leave out a record of kind request/)
  const past = { ...STRETCH, from: '1970-01-01T00:00:00.000Z', to: '1970-01-02T00:00:00.000Z' }
  const early = {
    document: countsDocument({ ...past, texts: ROWS }),
    filter: { from: '2027-01-04T00:00:00Z' },
  }
  t.match((await judged({ ...early, rows: [] })).wrong.join(), /name days in which not all/)

  const wrong = async (q: Change): Promise<string> => (await judged(q)).wrong.join()
  t.match(await wrong({ rows: [0, 2, 4].map(row) }), /4 records that fit: 3 are shown, 0 were erased/)
  t.match(await wrong({ erasure: 6, rows: [0, 2].map(row) }), /2 are shown, 1 were erased/)
  t.match(await wrong({ withoutForms: true, rows: [0, 2, 4].map(row) }), /names no erasure/)
  t.match(
    await wrong({ rows: [0, 2, 4, 6].map(row).concat({ ...row(7), clientId: 'DEV:GOV:1:a' }) }),
    /5 are shown/,
  )
  t.match(
    await wrong({ counts: { document: countsDocument({ ...STRETCH, texts: ROWS.slice(1) }) } }),
    /committed to/,
  )
  t.match(await wrong({ counts: { rows: ROWS.slice(0, 2) } }), /rows are not those/)
  t.match(
    await wrong({ counts: { rows: [countRow({ records: 3 }), ...ROWS.slice(1)] } }),
    /rows are not those/,
  )
  const many = [countRow({ records: 9 }), ROWS[1]!, ROWS[2]!]
  const tooMany = { document: countsDocument({ ...STRETCH, texts: many }), counts: { rows: many } }
  t.match(await wrong(tooMany), /do not add up/)
  const few = [countRow({ records: 2 }), ROWS[1]!, ROWS[2]!]
  t.match(
    await wrong({ document: countsDocument({ ...STRETCH, texts: few }), counts: { rows: few } }),
    /add up/,
  )
  t.match(await wrong({ kind: 'time-stamp' }), /not what the log committed to/)
  t.match(await wrong({ counts: { opening: { key: zeros(32), digest: zeros(64) } } }), /not of this leaf/)
  t.match(await wrong({ counts: { path: [] } }), /proof/)
  t.match(await wrong({ counts: { index: 3 } }), /proof/)
  t.match(await wrong({ twice: true }), /count what others count too/)
  const itself = countsDocument({ ...STRETCH, last: COUNTS, texts: ROWS })
  t.match(await wrong({ document: itself }), /or themselves/)
  for (const document of [
    '{',
    '[]',
    '{"version":1}',
    itself.replace('"version":1', '"version":2'),
    ` ${itself}`,
  ])
    t.match(await wrong({ document, counts: {} }), /daily counts in record 9/, document)
  for (const text of ['{}', `${ROWS[0]} `, ROWS[0]!.replace('"records":4', '"records":-4')]) {
    const document = countsDocument({ ...STRETCH, texts: [text, ...ROWS.slice(1)] })
    t.match(
      await wrong({ document, counts: { rows: [text, ...ROWS.slice(1)] } }),
      /daily counts in record 9/,
      text,
    )
  }
  const malformed = { code: 'malformed_bundle' }
  await t.rejects(judged({ counts: { path: 7 as never } }), malformed)
  await t.rejects(judged({ counts: { opening: undefined as never } }), malformed)
})
