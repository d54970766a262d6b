/**
 * What is made of the rows of both sides, and how it is shown: no system's word alone is shown as the word of
 * two.
 */
import t from 'tap'
import { exchange, type FakeSystem } from '#test/fakes/usage-systems.ts'
import { askedSpanOf, type Period, spanOf } from '../asking/chosen-days.ts'
import { readUsage } from '../asking/read-usages.ts'
import { complaintsList } from '../complaints/list-page.ts'
import { useEntry } from '../pages/use.ts'
import { allUses } from '../pages/uses.ts'
import { wordsOf } from '../texts.ts'
import { gatherAll } from './gathered.ts'
import { joinRows } from './join.ts'
import type { Row } from './row.ts'

const system = (code: string): FakeSystem => ({
  ...{ id: `DEV/GOV/${code}/s`, name: `System ${code}`, owner: `Office ${code}` },
})

t.test('a message id is no proof: the two sides must name each other', (t) => {
  const [a, b] = [system('1'), system('2')]
  const { provider, consumer } = exchange({
    number: 1,
    time: '2026-11-01T00:00:00Z',
    client: b,
    provider: a,
    purpose: 'a',
  })
  const names = { systems: new Map(), members: new Map() }
  const rowOf = (one: FakeSystem, given: object): Row => readUsage({ ...one }, given, names)!
  const honest = [rowOf(a, provider), rowOf(b, consumer)]
  t.strictSame(
    joinRows(honest).map(({ proven }) => proven),
    ['both'],
  )
  t.strictSame(
    joinRows([...honest].reverse()).map(({ proven }) => proven),
    ['both'],
  )
  const c = system('3')
  const said = (...all: Row[]): unknown[] =>
    joinRows(all)
      .map(({ proven, differing }) => [proven, ...differing].join(' '))
      .sort()
  const stolen = rowOf(c, { ...provider, service: { id: 'DEV:GOV:3:s:t' }, requestId: 'other' })
  t.strictSame(said(stolen, ...honest), ['both', 'one'], 'a third one takes nobody from the second')
  const copied = rowOf(c, { ...provider, service: { id: 'DEV:GOV:3:s:t' } })
  t.strictSame(said(copied, honest[1]!), ['one', 'one'], 'and makes nobody differ')
  const again = [
    rowOf(a, { ...provider, requestId: 'second' }),
    rowOf(b, { ...consumer, requestId: 'second' }),
  ]
  t.strictSame(said(...again, ...honest), ['both', 'both'], 'one message id twice')
  t.strictSame(said(again[0]!, honest[1]!), ['one', 'one'], 'two requests are never one')
  t.strictSame(
    said(rowOf(a, { ...provider, outcome: 'x', record: { index: 7, leaf: '' } }), ...honest),
    ['both', 'one'],
    'of one request the row that says the same goes first',
  )
  const agreed = { contract: { id: 'k', version: 1 }, legalBasis: 'Act 1', fields: { response: ['/a'] } }
  const asked = rowOf(b, { ...consumer, ...agreed })
  for (const [lie, differing] of [
    [{ time: '2026-11-01T01:00:00Z' }, 'time'],
    [{ contract: { id: 'l', version: 1 } }, 'contract'],
    [{ contract: { id: 'k', version: 2 } }, 'contract'],
    [{ contract: undefined }, 'contract'],
    [{ legalBasis: 'Act 2' }, 'law'],
    [{ legalBasis: undefined }, 'law'],
    [{ outcome: 'access_denied' }, 'outcome'],
    [{ fields: { response: ['/a', '/b'] } }, 'fields'],
  ] as const)
    t.strictSame(said(rowOf(a, { ...provider, ...agreed, ...lie }), asked), [`differing ${differing}`])
  const noLeaf = { record: { index: 1, leaf: 'bGVhZg==' } }
  for (const lack of [{ record: undefined }, noLeaf, { requestId: '' }, { outcome: 'open' }])
    t.strictSame(said(rowOf(a, { ...provider, ...agreed, ...lack }), asked), ['one'], 'half is not both')
  const alone = { client: { id: 'DEV:GOV:1:s' }, service: { id: 'DEV:GOV:1:s:persons' } }
  t.strictSame(
    said(rowOf(a, { ...provider, ...alone }), rowOf(a, { ...consumer, ...alone })),
    ['one'],
    'nobody is both sides',
  )
  const words = wordsOf('en', { easy: false, timeZone: 'UTC' })
  const [use] = joinRows([honest[0]!, rowOf(b, { ...consumer, purposes: { en: 'something else' } })])
  t.match(
    useEntry({ uses: [use!] }, { words, easy: false, stateOf: () => 'absent' }).markup,
    /Both sides say the same[\s\S]*Each side on why[\s\S]*Office 1<\/bdi>: [^\n]*>a<[\s\S]*something else/,
    'the purpose of each side is shown where they differ',
  )
  const many = Array.from({ length: 3_000 }, (_, at) => [
    rowOf(a, { ...provider, requestId: `a${at}`, time: '2026-11-01T02:00:00Z' }),
    rowOf(b, { ...consumer, requestId: `b${at}` }),
  ]).flat()
  t.equal(joinRows(many).length, 6_000, 'one id thousands of times is no work either')
  t.end()
})

t.test('chosen days are those of the portal, and their edges make no use one-sided', (t) => {
  const at = (period: Period, zone: string): unknown =>
    Object.values(spanOf(period, zone)).map((one) => new Date(one).toISOString().slice(0, 16))
  const day = { from: '2026-11-29', until: '2026-11-29' }
  t.strictSame(at(day, 'Europe/Tallinn'), ['2026-11-28T22:00', '2026-11-29T22:00'])
  t.strictSame(at(day, 'UTC'), ['2026-11-29T00:00', '2026-11-30T00:00'])
  t.strictSame(at(day, 'Asia/Kathmandu'), ['2026-11-28T18:15', '2026-11-29T18:15'])
  t.strictSame(at({ from: '2026-03-29', until: '2026-03-29' }, 'Europe/Tallinn'), [
    ...['2026-03-28T22:00', '2026-03-29T21:00'],
  ])
  const span = spanOf(day, 'Europe/Tallinn')
  t.strictSame(askedSpanOf(span), { from: '2026-11-28T21:55:00.000Z', until: '2026-11-29T22:05:00.000Z' })
  const [a, b] = [system('1'), system('2')]
  const both = (time: string, asked: string): Row[] => {
    const { provider, consumer } = exchange({ number: 1, time, client: b, provider: a, purpose: 'a' })
    const names = { systems: new Map(), members: new Map() }
    return [readUsage(a, provider, names)!, readUsage(b, { ...consumer, time: asked }, names)!]
  }
  const shown = (rows: Row[]): unknown => {
    const answered = {
      system: a,
      form: 'full',
      rows,
      masses: [],
      hasOlder: false,
      looks: [],
      dropped: 0,
    } as const
    const systems = { asked: [a], absent: [], silent: [], tooMany: 0, members: new Map(), unlisted: [] }
    return gatherAll([{ ...answered, rows, masses: [], looks: [] }], systems, { own: '', span }).uses.map(
      ({ proven }) => proven,
    )
  }
  t.strictSame(shown(both('2026-11-28T22:00:01Z', '2026-11-28T21:59:59Z')), ['both'])
  t.strictSame(shown(both('2026-11-28T21:59:59Z', '2026-11-28T22:00:01Z')), [])
  t.end()
})

t.test('nothing found is no answer of who did not answer', (t) => {
  const [a, words] = [system('1'), wordsOf('en', { easy: false, timeZone: 'UTC' })]
  const look = { language: 'en', large: false, easy: false }
  const systems = { asked: [a], absent: [], silent: [], tooMany: 0, members: new Map(), unlisted: [] }
  const shown = (result: Parameters<typeof gatherAll>[0][number]): string => {
    const gathered = gatherAll([result], systems, { own: '', span: {} })
    return [...allUses(gathered, { look, session: undefined, words })].map(({ markup }) => markup).join('')
  }
  const found = { rows: [], masses: [], looks: [], hasOlder: false, dropped: 0 }
  t.match(shown({ system: a, form: 'full', ...found }), words('uses.none'))
  const failed = shown({ system: a, why: 'late' })
  t.match(failed, words('uses.nobody'))
  t.notMatch(failed, words('uses.none'))

  const one = { system: a, complaints: [], dropped: 0, isCut: false }
  const complaints = { complaints: [], told: [one], notTold: [], silent: [], isAllAsked: true }
  const listed = (more: Partial<Parameters<typeof complaintsList>[0]>): string =>
    complaintsList({ ...complaints, ...more }, words).markup
  t.match(listed({}), 'You have not complained')
  t.notMatch(listed({ told: [{ ...one, dropped: 1 }] }), 'You have not complained')
  t.match(listed({ told: [{ ...one, dropped: 1 }] }), words('why.unreadable'), 'what came cannot be read')
  t.match(listed({ isAllAsked: false }), words('complaints.noneTold'))
  t.notMatch(listed({ isAllAsked: false }), 'You have not complained', 'another instance was not asked')
  t.notMatch(listed({ told: [], silent: [a] }), words('complaints.noneTold'), 'nobody answered')
  const unknown = listed({ silent: [a] })
  t.match(unknown, words('complaints.noneTold'))
  t.notMatch(unknown, 'You have not complained')
  t.end()
})
