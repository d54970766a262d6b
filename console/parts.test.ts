/**
 * Parts of pages whose states a journey does not all come to: each is rendered in each of them, and pressed.
 */
import t from 'tap'
import { until } from '#test/until.ts'
import type { Element } from './document-fixture.ts'
import { openPage } from './page-fixture.ts'

type Parts = typeof import('./kit/folded.tsx') &
  typeof import('./kit/held-table.tsx') &
  typeof import('./kit/act-dialog.tsx') &
  typeof import('./kit/long-text.tsx') &
  typeof import('./kit/given-values.tsx') &
  typeof import('./kit/told.tsx') &
  typeof import('./kit/field.tsx') &
  typeof import('./agency/asked-for.tsx') &
  typeof import('./agency/rooms/schema.tsx') &
  typeof import('./agency/consents/previews.tsx') &
  typeof import('./agency/trackers/notices.tsx') &
  typeof import('./registry/fleet/one.tsx')

const FILES = [
  ...['/kit/folded.tsx', '/kit/long-text.tsx', '/kit/given-values.tsx', '/kit/told.tsx', '/kit/field.tsx'],
  ...['/agency/asked-for.tsx', '/agency/rooms/schema.tsx', '/agency/consents/previews.tsx'],
  ...['/agency/trackers/notices.tsx', '/registry/fleet/one.tsx'],
  ...['/kit/held-table.tsx', '/kit/act-dialog.tsx'],
]
const NAME = { id: 'DEV:GOV:1001:population', name: 'Population register', memberName: 'Interior' }
/** What `getNotices` answers; each test sets its own. */
const state: Record<string, unknown> = {}
/** What `getFleetServer` answers. */
const server: Record<string, unknown> = {}
const page = await openPage<Parts>(t, FILES, {
  ...{ getNames: [NAME], getNotices: state, getFleetServer: server },
})
const { parts, show, does, document } = page

const only = (root: Element, name: string): Element => {
  const [one, ...others] = root.all(({ localName }) => localName === name)
  if (one === undefined || others.length > 0)
    throw new Error(`${name}: ${others.length + (one ? 1 : 0)} of them`)
  return one
}
const texts = (root: Element, name: string): string[] =>
  root.all(({ localName }) => localName === name).map(({ seen }) => seen.replaceAll(/\s+/g, ' ').trim())
/** Of a time only what it is, not how long ago. */
const timesOf = (root: Element): (string | undefined)[] =>
  root
    .all(({ localName }) => localName === 'time')
    .map(({ given }) => given.get('datetime') ?? given.get('dateTime'))

t.test('a folded name tells whether it is open, and shows the rest when it is pressed', async (t) => {
  const root = await show(parts.Folded, { name: 'Short', beside: 'of whom', children: 'DEV:GOV:1' })
  const button = only(root, 'button')
  t.equal(button.given.get('aria-expanded'), 'false')
  t.notMatch(root.seen, 'DEV:GOV:1')
  t.match(button.seen, /Short.*of whom/, 'what stands beside is pressed as well')
  const more = document.getElementById(button.given.get('aria-controls') ?? '')
  t.match(more?.textContent, 'DEV:GOV:1', 'it says what it opens')
  await does(() => button.happens('click'))
  t.equal(button.given.get('aria-expanded'), 'true')
  t.match(root.seen, 'DEV:GOV:1')
  await does(() => button.happens('click'))
  t.notMatch(root.seen, 'DEV:GOV:1')
})

t.test('a long text has a button only while something of it is cut off', async (t) => {
  document.heights = { scrollHeight: 40, clientHeight: 40 }
  const root = await show(parts.LongText, { of: 'All of it', look: 'beside' })
  t.strictSame(texts(root, 'button'), [])
  t.equal(only(root, 'bdi').given.get('class'), 'beside wrap clamped')
  document.heights = { scrollHeight: 80, clientHeight: 40 }
  await page.resized()
  t.strictSame(texts(root, 'button'), ['Show all'])
  t.equal(root.textContent, 'All of itShow all', 'all of it is there to be heard and found')
  await does(() => only(root, 'button').happens('click'))
  t.equal(only(root, 'bdi').given.get('class'), 'beside wrap')
  t.equal(only(root, 'button').given.get('aria-expanded'), 'true')
  // Nothing is cut off of an open text: its button stays, so that it can be closed again.
  document.heights = { scrollHeight: 80, clientHeight: 80 }
  await page.resized()
  await does(() => only(root, 'button').happens('click'))
  t.equal(only(root, 'bdi').given.get('class'), 'beside wrap clamped')
  t.strictSame(texts(root, 'button'), [], 'in a wider window nothing is cut off any more')
})

t.test('what was given with an act is read without the notation of programs', async (t) => {
  const at = '2026-12-02T08:00:00.000Z'
  const root = await show(parts.GivenValues, {
    of: {
      yes: true,
      no: false,
      none: null,
      empty: '',
      list: ['a', 7],
      nothing: [],
      at,
      in: { deep: [{ x: '<b>' }] },
    },
  })
  const said = texts(root, 'li')
  t.strictSame(said.slice(0, 6), ['yes Yes', 'no No', 'none None', 'empty None', 'list a, 7', 'nothing None'])
  t.strictSame(timesOf(root), [at])
  t.match(
    said.slice(7),
    ['in deep x <b>', 'deep x <b>', 'x <b>', 'x <b>'],
    'within others, members of lists without a number',
  )
  t.notMatch(root.textContent, /[{}"[\]]/)
})

t.test('a sentence of a server folds digests, and leaves its words as they are', async (t) => {
  const digest = '0123456789abcdef'.repeat(4)
  const root = await show(parts.Told, {
    words: `it shows the certificate ${digest}, which is not registered for it`,
  })
  t.match(root.textContent, `certificate ${digest}, which`, 'all of it is there')
  const [folded] = root.all(({ given }) => given.get('class') === 'id digest')
  t.equal(folded?.textContent, digest)
  t.match(
    root.all(({ localName }) => localName === 'button').map(({ given }) => given.get('aria-label')),
    [/Show all/, /Copy/],
  )
  t.strictSame(
    texts(await show(parts.Told, { words: 'the certificate 0123456789abcdef ends' }), 'button'),
    [],
  )
  const since = await show(parts.Told, { words: 'without one since 2026-11-29T16:49:05Z: no authority' })
  t.strictSame(timesOf(since), ['2026-11-29T16:49:05Z'], 'a reason follows')
  t.notMatch(since.seen, '2026-11-29T')
})

t.test('what a search was narrowed to stands in words, also what nobody has words for', async (t) => {
  const root = await show(parts.AskedFor, {
    of: {
      ...{ clientId: NAME.id, failed: 'false', kind: 'refusal', direction: 'out', userTerm: 'v1.abc' },
      ...{ upkeep: 'true', managementId: 'DEV:GOV:1', from: '2026-12-01T00:00:00Z', contract: undefined },
      ...{ unheardOf: 'x', purpose: ['a', 'b'] },
    },
  })
  // Names are asked for together, after all that ask for one.
  await until('the name', async (saw) => /Population register.*Interior/.test(saw(root.seen)))
  const said = texts(root, 'li')
  t.equal(said.length, 9)
  t.match(said[0], 'Population register', 'by its name')
  t.notMatch(
    root.textContent,
    /v1\.abc|managementId|DEV:GOV:1$|undefined/,
    'what is sealed, and what says nothing, is not shown',
  )
  t.match(said.slice(-2), ['unheardOf x', /a, b$/])
  t.notMatch(said.slice(0, 7).join(' '), /clientId|refusal|direction|userTerm|upkeep/, 'no name of a program')
})

t.test('a field of rows: one is added and filled in, and another left out', async (t) => {
  let value = '[{"claim":"/born"}]'
  const set = (now: string): void => {
    value = now
  }
  const props = () => ({
    ...{ id: 'f', value, error: 'body.claims are wrong', set },
    field: {
      ...{ name: 'claims', title: 'issuers.claims', type: 'rows', required: false },
      rows: {
        ...{ each: 'issuers.claim', add: 'issuers.addClaim', most: 2 },
        columns: [{ name: 'claim', title: 'issuers.claims', maxLength: 255 }],
      },
    },
  })
  let root = await show(parts.FieldInput, props())
  t.strictSame(texts(root, 'label'), ['Claim 1'])
  t.match(only(root, 'fieldset').given.get('aria-describedby'), 'f-error', 'a refusal is told at the field')
  t.match(root.seen, 'body.claims are wrong')
  t.equal(only(root, 'input').value, '/born')
  t.equal(only(root, 'input').given.get('aria-invalid'), 'true')
  await does(() => document.getElementById('f-add')?.happens('click'))
  t.equal(value, '[{"claim":"/born"},{}]')
  root = await show(parts.FieldInput, props())
  t.equal(document.getElementById('f-add'), undefined, 'no more than the server takes')
  const second = document.getElementById('f-1-claim')!
  second.value = '/name'
  await does(() => second.happens('input'))
  t.equal(value, '[{"claim":"/born"},{"claim":"/name"}]')
  root = await show(parts.FieldInput, props())
  const [remove] = root.all(({ given }) => given.get('aria-label') === 'Remove Claim 1')
  await does(() => remove?.happens('click'))
  t.equal(value, '[{"claim":"/name"}]')
})

t.test('a schema is a list of properties, or says that it names none', async (t) => {
  const schema = {
    properties: {
      to: { type: 'string', description: 'Where to', enum: ['a', 'b'] },
      list: { type: 'array', items: { type: 'integer' } },
    },
    ...{ required: ['to'], oneOf: [] },
  }
  const root = await show(parts.Schema, { of: schema })
  t.strictSame(texts(root, 'td'), [
    'to',
    'text',
    'Yes',
    'Where toOne of: a, b',
    'list',
    'list: whole number',
    'No',
    '',
  ])
  t.match(root.textContent, 'The schema says more than this list')
  t.strictSame(texts(await show(parts.Schema, { of: { properties: { a: {} } } }), 'td'), [
    'a',
    'anything',
    'No',
    '',
  ])
  const never = { properties: { a: { type: 'string', const: 7 } } }
  t.match(texts(await show(parts.Schema, { of: never }), 'td')[1], 'No value fits')
  t.match((await show(parts.Schema, { of: {} })).textContent, 'The schema names no properties')
  const list = (await show(parts.Schema, { of: { type: 'array', items: schema } })).textContent
  t.match(list, 'The schema says more than this list')
  t.notMatch(list, 'names no properties')
  t.match((await show(parts.Schema, { of: null })).textContent, 'It has none')
})

t.test('messages to people: not offered, without a key, stopped, and what failed', async (t) => {
  const wishes = { asked: 3, confirmed: 2, failed: 1 }
  const see = async (given: object): Promise<string> => {
    Object.assign(
      state,
      { isOffered: true, isKeyMissing: false, isStopped: false, wishes, letters: [], failures: [] },
      given,
    )
    return (await show(parts.Notices, {})).seen
  }
  const plain = await see({})
  t.match(plain, /2.*3.*1/)
  t.strictSame(page.root.all(({ given }) => given.get('class') === 'note').length, 0)
  t.strictSame(texts(page.root, 'table'), [], 'no list of nothing')
  t.notMatch(await see({ isOffered: false }), /2.*3.*1/, 'no numbers of what is not offered')
  const withoutKey = await see({ isKeyMissing: true })
  t.ok(withoutKey.length > plain.length, 'what is missing is said')
  t.match(await see({ isStopped: true, stoppedBy: 'Ada', stoppedAt: '2026-12-01T00:00:00Z' }), 'Ada')
  const states = ['WAITING', 'SENT', 'REFUSED', 'GIVEN_UP'] as const
  await see({
    letters: states.map((one) => ({ channel: 'email', state: one, letters: 4 })),
    failures: [
      { id: '1', channel: 'email', state: 'GIVEN_UP', createdAt: '2026-12-01T00:00:00Z', error: '550 <b>' },
    ],
  })
  const tones = page.root.all(({ given }) => given.get('class')?.startsWith('status') === true)
  t.strictSame(
    tones.map(({ given }) => given.get('class')),
    ['status quiet', 'status good', 'status bad', 'status bad', 'status bad'],
  )
  t.match(page.root.seen, '550 <b>')
  const channelsSeen = async (titles: object): Promise<string[]> => {
    const channels = ['email', 'webhook', 'sms', 'gone']
    await see({ titles, letters: channels.map((channel) => ({ channel, state: 'SENT', letters: 1 })) })
    return texts(page.root, 'td').filter((_, at) => at % 3 === 0)
  }
  t.strictSame(await channelsSeen({ sms: { et: 'Sõnum', en: 'Text message' } }), [
    ...['E-mail', 'Webhook', 'Text message', 'gone'],
  ])
  t.equal((await channelsSeen({ sms: { et: 'Sõnum' } }))[2], 'Sõnum', 'as it is called in another language')
})

t.test('of several lists of a page each has its own search and pages', async (t) => {
  const rows = Array.from({ length: 60 }, (_, at) => `row ${at}`)
  const went: string[] = []
  const { window } = globalThis as unknown as { window: { location: { search: string } } }
  Object.assign(window, {
    history: { pushState: (_state: unknown, _title: string, to: string) => went.push(to) },
    dispatchEvent: () => true,
  })
  window.location.search = '?q=row+59&endpoints.page=2'
  t.teardown(() => {
    window.location.search = ''
  })
  const see = (more: object): Promise<Element> =>
    show(parts.HeldTable, {
      ...{ rows, rowKey: (row: string) => row, words: (row: string) => row, search: 'common.searchClient' },
      ...{ caption: 'Endpoints', columns: [{ title: 'common.state', cell: (row: string) => row }] },
      ...{ empty: 'none', ...more },
    })
  t.strictSame(texts(await see({}), 'td'), ['row 59'], 'the list without a name')
  const root = await see({ name: 'endpoints' })
  t.strictSame([texts(root, 'td')[0], texts(root, 'td').length], ['row 25', 25])
  t.equal(only(root, 'nav').given.get('aria-label'), 'Pages of the list: Endpoints')
  t.equal(only(root, 'search').given.get('aria-label'), 'Endpoints')
  const next = root.all((one) => one.localName === 'button' && one.seen === 'Next')[0]
  await does(() => next?.happens('click'))
  t.strictSame(went, ['/?q=row+59&endpoints.page=3'], 'the other list stays as it is')
})

t.test('what follows from an act is in the form whose buttons stay in sight', async (t) => {
  const act = { operation: 'getNames', button: 'Do it', title: 'An act', consequence: 'What follows' }
  const root = await show(parts.ActDialog, { ...act, close: () => undefined })
  const form = only(root, 'form')
  t.match(form.textContent, /^What follows.*Do it/)
})

t.test('the trouble that a server had: by page, searched, and where older trouble is', async (t) => {
  const history = Array.from({ length: 60 }, (_, at) => ({
    ...{ kind: 'clock', severity: 'error', message: `its clock is ${at} s ahead` },
    ...{ since: `2026-12-01T00:00:${String(at).padStart(2, '0')}Z`, until: null },
  }))
  const see = async (given: object): Promise<Element> => {
    Object.assign(
      server,
      { id: 'DEV:GOV:1:SS1', worst: 'none', troubles: [], history, olderBefore: null, probe: null },
      given,
    )
    return show(parts.OneServer, { params: { id: 'DEV:GOV:1:SS1' } })
  }
  const buttons = async (given: object): Promise<[string, boolean][]> =>
    (await see(given))
      .all(({ localName }) => localName === 'button')
      .map((one) => [one.seen, one.given.get('aria-disabled') === 'true'])
  const root = await see({})
  t.equal(root.all(({ localName }) => localName === 'td').length, 25 * 5)
  t.match(root.seen, 'A word of the trouble')
  t.match(root.seen, '25')
  t.notMatch(root.seen, 'older trouble')
  t.notOk((await buttons({})).some(([words]) => words === 'Older'))
  t.match((await see({ olderBefore: 7 })).seen, 'There is older trouble')
  t.strictSame((await buttons({ olderBefore: 7 })).slice(-2), [
    ['Newest', true],
    ['Older', false],
  ])
  t.match((await see({ history: [] })).seen, 'There was none.')
})

t.test(
  'answers that people see first: nothing where none was kept, and what was decided about one',
  async (t) => {
    const none = { waiting: 0, released: 0, given: 0, stopped: 0, over: 0 }
    t.equal(
      (await show(parts.PreviewsOf, { services: [{ clientId: NAME.id, previews: none }] })).textContent,
      '',
    )
    const some = [
      { clientId: NAME.id, previews: { ...none, stopped: 2 } },
      { clientId: 'DEV:GOV:1', previews: none },
    ]
    const rows = (await show(parts.PreviewsOf, { services: some })).all(({ localName }) => localName === 'tr')
    t.equal(rows.length, 2, 'the head, and the one that has some')

    const { result } = parts.FindPreview().props as { result(found: object): never }
    const [asked, decided, given] = ['2026-12-01T00:00:00Z', '2026-12-01T01:00:00Z', '2026-12-01T02:00:00Z']
    const found = {
      ...{ number: 'n-1', client: 'DEV:GOV:1', service: 'DEV:GOV:2:x', contract: 'c', askedAt: asked },
      ...{ decidedAt: null, givenAt: null, digest: null, document: null, releasedBefore: null },
    }
    t.strictSame(timesOf(await page.showNode(result(found))), [asked], 'nobody has decided')
    const document = { decision: 'stopped', decidedRecord: 12 }
    const whole = {
      ...found,
      decidedAt: decided,
      givenAt: given,
      digest: 'd-1',
      document,
      releasedBefore: { decidedAt: asked },
    }
    const root = await page.showNode(result(whole))
    t.strictSame(timesOf(root), [asked, asked, decided, given], 'released first, then stopped, and given')
    t.match(root.textContent, /12.*d-1/)
  },
)
