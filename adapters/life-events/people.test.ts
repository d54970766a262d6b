/** Who sees whose offers, by web, at a counter and by letter; and settings and keys that do not fit. */
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { callerWith } from '#adapters/kit/caller-headers.ts'
import { emptyFolder } from '#adapters/kit/kit-fixture.ts'
import { openEnds } from '#adapters/kit/messages/ends-fixture.ts'
import { readSettings } from '#adapters/kit/serve-adapter.ts'
import { nobody } from '#platform/http-service/caller.ts'
import { asFault } from '#schemas/fault.ts'
import type { Offer } from '#schemas/offers.ts'
import { lifeEvents } from './adapter.ts'
import { writeLetters } from './letters.ts'
import {
  birth,
  OTHER,
  offersOf,
  PERSON,
  type Play,
  playServices,
  RULE,
  send,
  startLifeEvents,
} from './life-events-fixture.ts'
import { createOfferKeys } from './offer-keys.ts'
import { type OfferStore, openOfferStore } from './store.ts'

const ACCOUNT = 'EE1234567890'
const DAY_MS = 86_400_000
const ends = await openEnds(t)
const keys = createOfferKeys(Buffer.from('5a'.repeat(32), 'hex'))

void t.test('nobody sees what is another person’s', async (t) => {
  const life = await startLifeEvents(t, {
    ends,
    more: {
      representation: ['DEV/GOV/1001/portal', 'DEV/GOV/1001/counter'],
      counters: ['DEV/GOV/1001/counter', 'DEV/GOV/1002/counter'],
    },
  })
  await send(ends, life, birth('B-70'))
  const [{ id }] = (await offersOf(life)) as [Offer]
  const targets: [string, object?][] = [['open', { agreed: [] }], ['submit', { values: {} }], ['decline']]
  for (const who of [
    'P00000099',
    { 'x-road-userid': 'P00000099', 'x-road-represented-party': 'P00000098' },
  ]) {
    t.strictSame(await offersOf(life, who), [])
    for (const [act, body] of targets)
      t.match(await life.post(who, `/v1/offers/${id}/${act}`, body), { status: 404 })
    for (const what of ['form', 'course'])
      t.match(await life.get(who, `/v1/offers/${id}/${what}`), { status: 404 })
  }
  t.match(await life.get({}, '/v1/offers'), { status: 400 })
  t.match(await life.get('clerk-7', '/v1/offers'), { status: 400 }, 'who is no person has no offers')
  t.match(
    await life.get({ 'x-road-userid': 'c', 'x-road-represented-party': `COM/${PERSON}` }, '/v1/offers'),
    { status: 403 },
  )
  t.match(await life.get(PERSON, '/v1/offers/short/form'), { status: 400 })
  t.match(await life.post(PERSON, '/v1/codes', { code: 'ABCDEFGH' }), { status: 403 })

  const clerk = {
    ...{ 'x-road-userid': 'clerk-7', 'x-road-represented-party': PERSON, 'x-road-issue': 'mandate-1' },
  }
  t.equal((await offersOf(life, clerk)).length, 1, 'a clerk under a mandate, which the contract has checked')
  await life.post(clerk, `/v1/offers/${id}/open`, { agreed: ['child', 'income'] })
  t.match(life.asked[0]!.options, { userId: 'clerk-7' }, 'both are named')
  await life.post(clerk, `/v1/offers/${id}/submit`, { values: { account: ACCOUNT } })
  t.match(life.asked.at(-1)!.options, {
    json: { channel: 'counter', actor: 'clerk-7', mandate: 'mandate-1', person: PERSON },
  })
  t.match((await life.running.monitor('/metrics')).text, /what="submitted",channel="counter"\} 1/)
  for (const client of ['DEV/GOV/1002/counter', 'DEV/GOV/1009/other'])
    t.match(
      await life.get({ ...clerk, 'x-road-client': client }, '/v1/offers'),
      { status: 403, body: { type: /representation_refused/ } },
      'nobody checked the mandate of this client',
    )
  const atDesk = { ...clerk, 'x-road-client': 'DEV/GOV/1001/counter' }
  t.equal((await offersOf(life, atDesk)).length, 1, 'a counter whose contract has mandates checked')
  const alone = { 'x-road-client': 'DEV/GOV/1001/counter', 'x-road-userid': 'clerk-7' }
  t.strictSame(await offersOf(life, alone), [], 'and letters besides')
  const closed = await startLifeEvents(t, { ends })
  t.match(await closed.get(clerk, '/v1/offers'), { status: 403, body: { type: /representation_refused/ } })
})

void t.test('a letter with an address and a code, which opens the offer once at a counter', async (t) => {
  const counter = { 'x-road-client': 'DEV/GOV/1001/counter', 'x-road-userid': 'clerk-7' }
  const life = await startLifeEvents(t, {
    ends,
    more: { counters: ['DEV/GOV/1001/counter', 'DEV/GOV/1002/counter'] },
  })
  await send(ends, life, birth('B-80'))
  await send(ends, life, birth('B-81', 'P00000051'))
  const clock = () => Date.now() + 15 * DAY_MS
  const store = await openOfferStore({ file: life.databaseFile, keys, keepDays: 90, clock })
  t.teardown(() => store.close())
  const folder = emptyFolder(t)
  const settings = await readSettings(lifeEvents, path.join(life.folder, 'adapter.yaml'), {})
  const play: Play = (asked) =>
    JSON.stringify(asked.options['path']).includes('51')
      ? { status: 404, document: {} }
      : { status: 200, document: { name: '<b>Ann</b> & Co', street: '', residence: 'Midvale' } }
  const server = playServices(ends.population, play, [])
  const written = await writeLetters({ settings, store, server, folder, clock: Date.now })
  t.strictSame(written, { written: 0, failed: 0 }, 'not before its days are over')
  // What ended between the file and its code is written anew, under the same name.
  const broken: OfferStore = {
    ...store,
    setCode: (id, code, write) =>
      store.setCode(id, code, async () => {
        await write()
        throw new Error('killed')
      }),
  }
  await t.rejects(writeLetters({ settings, store: broken, server, folder, clock }), { message: 'killed' })
  t.strictSame(await writeLetters({ settings, store, server, folder, clock }), { written: 1, failed: 1 })
  t.strictSame(
    await writeLetters({ settings, store, server, folder, clock }),
    { written: 0, failed: 1 },
    'one letter',
  )
  // A run at the same time, which found the offer before the letter was written.
  const { setCode, unanswered } = store
  const before = await unanswered(RULE.name, new Date(clock()).toISOString(), 10)
  const { id: written1 } = (await offersOf(life))[0]!
  t.notOk(before.some(({ id }) => id === written1))
  t.equal(await setCode(written1, 'OTHERCODE', async () => void t.fail('it is not written over')), false)
  const [file, ...others] = readdirSync(folder)
  t.strictSame(others, [])
  const page = readFileSync(path.join(folder, file!), 'utf8')
  t.match(page, '<address>&lt;b&gt;Ann&lt;/b&gt; &amp; Co<br>Midvale</address>')
  t.notMatch(page, PERSON)
  const code = /class="code">([0-9A-Z-]{14})</.exec(page)![1]!

  t.strictSame(await offersOf(life, counter), [])
  t.match(await life.post(counter, '/v1/codes', { code: 'ABCD-EFGH-JKMN' }), { status: 404 })
  const opened = await life.post(counter, '/v1/codes', { code: code.toLowerCase().replaceAll('-', ' ') })
  t.match(opened, { status: 200, body: { state: 'offered', title: RULE.title } })
  t.match(
    await life.post(counter, '/v1/codes', { code }),
    { status: 200 },
    'until it is sent, at this counter',
  )
  const elsewhere = { ...counter, 'x-road-client': 'DEV/GOV/1002/counter' }
  t.match(await life.post(elsewhere, '/v1/codes', { code }), { status: 404 }, 'and at no other')
  t.strictSame(await offersOf(life, { ...counter, 'x-road-userid': 'clerk-8' }), [], 'to this clerk')
  const at = `/v1/offers/${String(opened.body['id'])}`
  await life.post(counter, `${at}/open`, { agreed: ['child', 'income'] })
  t.match(
    await life.post(counter, `${at}/submit`, { values: { account: ACCOUNT } }),
    { status: 200, body: { state: 'submitted', number: 'FB-1' } },
    'the clerk has the receipt for the person',
  )
  t.match(life.asked.at(-1)!.options, { json: { channel: 'letter', actor: 'clerk-7', person: PERSON } })
  t.match(await offersOf(life), [{ state: 'submitted' }, { state: 'submitted' }].slice(0, 1))
  t.match(await life.post(counter, '/v1/codes', { code }), { status: 404 }, 'not after it was sent')
  // A code is void once the person opened the offer themself.
  await send(ends, life, birth('B-82', 'P00000052'))
  const { id: own } = (await offersOf(life, 'P00000052'))[0]!
  t.ok(await setCode(own, 'AAAABBBBCCCC', async () => undefined))
  t.match(await life.post(counter, '/v1/codes', { code: 'AAAABBBBCCCC' }), { status: 200 })
  await life.post('P00000052', `/v1/offers/${own}/open`, { agreed: [] })
  t.match(await life.post(counter, '/v1/codes', { code: 'AAAABBBBCCCC' }), { status: 404 })
  t.strictSame(
    (await offersOf(life, counter)).filter(({ id }) => id === own),
    [],
    'nor has the clerk it any more',
  )
  for (let n = 0; n < 20; n++) await life.post(counter, '/v1/codes', { code: `ABCDEFGH${n}` })
  t.match(await life.post(counter, '/v1/codes', { code: 'ABCDEFGH' }), { status: 429 })
})

void t.test(
  'a letter at a page without a login: with the code of the person, and without what registers say',
  async (t) => {
    const PAGE = 'DEV/GOV/1001/portal'
    const letter = { ...RULE.letter, page: { en: 'Or at https://my.example/letter', et: 'Või aadressil' } }
    const without = { ...RULE, name: 'other', event: { ...RULE.event, condition: "subject LIKE 'C-%'" } }
    const life = await startLifeEvents(t, {
      ends,
      more: {
        ...{ letterPages: [PAGE], counters: ['DEV/GOV/1001/counter'] },
        rules: [{ ...RULE, letter }, without],
      },
    })
    await send(ends, life, birth('B-90'))
    const [{ id }] = (await offersOf(life)) as [Offer]
    const store = await openOfferStore({ file: life.databaseFile, keys, keepDays: 90, clock: Date.now })
    t.teardown(() => store.close())
    t.ok(await store.setCode(id, 'AAAABBBBCCCC', async () => undefined))
    const page = (n: number) => ({ 'x-road-client': PAGE, 'x-road-userid': `letter:${String(n).repeat(22)}` })
    const given = { code: 'aaaa-bbbb-cccc', person: PERSON }
    t.match(await life.post({ ...page(1), 'x-road-client': OTHER }, '/v1/codes', given), { status: 400 })
    t.match(await life.post({ ...page(1), 'x-road-userid': 'letter:x' }, '/v1/codes', given), { status: 400 })
    const missed = [
      await life.post(page(1), '/v1/codes', { code: given.code }),
      await life.post(page(1), '/v1/codes', { ...given, person: 'P00000043' }),
      await life.post(page(1), '/v1/codes', { ...given, code: 'AAAABBBBCCCD' }),
    ]
    for (const one of missed) {
      t.match(one, { status: 404 })
      t.equal(one.body['title'], missed[0]!.body['title'], 'who guesses is not told what was wrong')
    }
    t.match(await life.post(page(1), '/v1/codes', given), { status: 200, body: { id, state: 'offered' } })
    t.strictSame(await offersOf(life, page(2)), [], 'the ticket is that of this use')
    t.match(await offersOf(life, page(1)), [{ id }])
    const at = `/v1/offers/${id}`
    const form = await life.post(page(1), `${at}/open`, { agreed: ['child', 'income'] })
    const [name, , income] = form.body['fields'] as unknown as object[]
    t.match(name, { name: 'childName', from: 'register', isHidden: true, source: { service: /persons/ } })
    t.notMatch(JSON.stringify(form.body), /Mari|21000/, 'nobody signed in: what registers say is not shown')
    t.notOk(Object.hasOwn(income!, 'value'))
    t.notMatch(JSON.stringify((await life.get(page(1), `${at}/form`)).body), /Mari|21000/)
    t.match(life.asked[0]!.options, { userId: page(1)['x-road-userid'], issue: id }, 'logs name no person')
    t.match(await life.post(page(2), '/v1/codes', given), { status: 200 }, 'again, until it is sent')
    t.match(await life.get(page(1), `${at}/form`), { status: 404 }, 'the newest use counts')
    t.match(await life.post(page(2), `${at}/submit`, { values: { account: ACCOUNT, income: 5 } }), {
      status: 200,
    })
    const { json } = life.asked.at(-1)!.options as { json: Record<string, unknown> }
    t.match(json, {
      ...{ channel: 'letter', person: PERSON },
      fields: { childName: { value: 'Mari', from: 'register' }, income: { value: 5, from: 'person' } },
    })
    t.notOk(Object.hasOwn(json, 'actor'))

    await send(ends, life, birth('B-91', 'P00000052'))
    const { id: other } = (await offersOf(life, 'P00000052'))[0]!
    t.ok(await store.setCode(other, 'DDDDEEEEFFFF', async () => undefined))
    const wrong = { code: 'DDDDEEEEFFFF', person: 'P00000053' }
    for (let n = 0; n < 5; n++) t.match(await life.post(page(3), '/v1/codes', wrong), { status: 404 })
    const right = { ...wrong, person: 'P00000052' }
    t.match(await life.post(page(3), '/v1/codes', right), { status: 404 }, 'five wrong persons end it here')
    const counter = { 'x-road-client': 'DEV/GOV/1001/counter', 'x-road-userid': 'clerk-7' }
    t.match(await life.post(counter, '/v1/codes', right), { status: 200 }, 'and a counter takes it still')
    t.match(await life.post(page(3), '/v1/codes', right), { status: 404 })

    await send(ends, life, birth('C-1', 'P00000054'))
    const { id: pageless } = (await offersOf(life, 'P00000054'))[0]!
    t.ok(await store.setCode(pageless, 'GGGGHHHHJJJJ', async () => undefined))
    const unsaid = { code: 'GGGGHHHHJJJJ', person: 'P00000054' }
    t.match(await life.post(page(4), '/v1/codes', unsaid), { status: 404 }, 'only where the rule has a page')

    // The page is one client for everybody: whoever types nonsense there closes it for nobody.
    const caller = callerWith(nobody, page(5))
    const nonsense = { caller, params: {}, query: {}, body: { code: 'NONSENSE' } }
    const said = new Set<string>()
    for (let n = 0; n < 2010; n++)
      await life.handlers['useCode']!(nonsense).catch((thrown: unknown) => said.add(asFault(thrown).code))
    t.same([...said], ['not_found'])
  },
)

void t.test('another key opens nothing, and settings that make no sense are named', async (t) => {
  const folder = emptyFolder(t)
  const file = path.join(folder, 'offers.db')
  const open = (key: string) =>
    openOfferStore({
      file,
      keys: createOfferKeys(Buffer.from(key.repeat(32), 'hex')),
      keepDays: 1,
      clock: Date.now,
    })
  await (await open('5a')).close()
  await t.rejects(open('5b'), { code: 'io_error' })
  const wrong: [object, RegExp][] = [
    [{ rule: { title: { en: 'x' } } }, /rules\.0\.title has no text in et/],
    [{ rule: { event: { ...RULE.event, condition: 'EXISTS' } } }, /rules\.0\.event\.condition is no CESQL/],
    [{ rule: { event: { ...RULE.event, condition: '1 + 1' } } }, /never true or false/],
    [{ rule: { values: {} } }, /names \{child\}/],
    [{ rule: { calls: [{ ...RULE.calls[0], fields: { nothing: '/x' } }] } }, /is no field of the form/],
    [{ rule: { calls: [RULE.calls[0], { ...RULE.calls[0], name: 'other' }] } }, /is filled by child already/],
    [{ rule: { calls: [{ ...RULE.calls[0], body: { a: '{person}' } }] } }, /is for POST/],
    [{ rule: { letter: { ...RULE.letter, language: 'fi' } } }, /is not one of languages/],
    [{ more: { person: { pattern: 'x' } } }, /with one group/],
    [{ more: { securityServer: { url: 'http://agency.example', client: OTHER } } }, /must be https/],
    [{ rule: { calls: [{ ...RULE.calls[0], legalBasis: undefined }] } }, /legalBasis/],
  ]
  for (const [q, what] of wrong) await t.rejects(startLifeEvents(t, { ends, ...q }), { message: what })
})
