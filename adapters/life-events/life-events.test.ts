/**
 * Life events at the deliveries of two real servers: from the event to the decision, by web, counter and
 * letter, and what goes wrong.
 */
import t from 'tap'
import { ExchangeError } from '#adapters/client/exchange-error.ts'
import { emptyFolder } from '#adapters/kit/kit-fixture.ts'
import { openEnds } from '#adapters/kit/messages/ends-fixture.ts'
import type { Offer } from '#schemas/offers.ts'
import { settle } from '#security-server/features/deliveries/acts-fixture.ts'
import { until } from '#test/until.ts'
import {
  APPLICATIONS,
  birth,
  CHILD,
  found,
  INCOMES,
  offersOf,
  PERSON,
  type Play,
  post,
  REGISTER,
  REGISTERS,
  RULE,
  send,
  startLifeEvents,
  taken,
} from './life-events-fixture.ts'
import { createOfferKeys } from './offer-keys.ts'
import { type OfferStore, openOfferStore } from './store.ts'

const ACCOUNT = 'EE1234567890'
const DAY_MS = 86_400_000
const ends = await openEnds(t)
const keys = createOfferKeys(Buffer.from('5a'.repeat(32), 'hex'))

void t.test('from the event to the decision, and each value says where it comes from', async (t) => {
  const life = await startLifeEvents(t, { ends })
  await send(ends, life, birth('B-1', [PERSON, 'P00000043']))
  const [offer, ...others] = await offersOf(life)
  t.strictSame(others, [])
  t.match(offer, {
    state: 'offered',
    why: RULE.why,
    legalBasis: RULE.legalBasis,
    calls: [{ name: 'child', fields: [{ en: 'Name of the child' }, {}] }, {}],
  })
  t.equal((await offersOf(life, 'P00000043')).length, 1, 'the other parent has an offer too')
  t.equal((await offersOf(life, 'EEP00000042')).length, 1, 'the country before a code is no other person')
  const at = `/v1/offers/${offer!.id}`
  t.match(
    await life.post(PERSON, `${at}/submit`, { values: {} }),
    { status: 409 },
    'nothing is sent that was not looked at',
  )
  t.equal(life.asked.length, 0, 'no register was asked before the person agreed')

  t.match(
    await life.post(PERSON, `${at}/open`, { agreed: ['child'], shown: 'x'.repeat(43) }),
    { status: 409 },
    'nor for what they were not shown',
  )
  t.equal(life.asked.length, 0)
  const opened = await life.post(PERSON, `${at}/open`, { agreed: ['child'] })
  t.strictSame(
    life.asked.map(({ service }) => service),
    [REGISTER],
    'only what was agreed to',
  )
  t.match(life.asked[0]!.options, { path: { child: CHILD }, userId: PERSON, issue: offer!.id })
  t.match(opened.body, {
    state: 'opened',
    fields: [
      {
        ...{ name: 'childName', value: 'Mari', from: 'register' },
        source: {
          service: REGISTER,
          contract: 'Children for family benefits',
          legalBasis: 'Family Benefits Act, section 20',
          messageId: 'id-1',
          time: String,
        },
      },
      { name: 'childBorn', value: '2026-11-20' },
      { name: 'income', from: 'nobody' },
      { name: 'account', from: 'nobody' },
      { name: 'note', isRequired: false },
    ],
    asked: [
      { name: 'child', outcome: 'answered' },
      { name: 'income', outcome: 'not-agreed' },
    ],
  })
  await life.post(PERSON, `${at}/open`, { agreed: ['child', 'income'] })
  t.strictSame(
    life.asked.map(({ service }) => service),
    [REGISTER, INCOMES],
    'what is known is not asked again',
  )
  t.match(await life.get(PERSON, `${at}/form`), { body: { fields: [{}, {}, { value: 21_000 }] } })
  found(t, life, [PERSON, CHILD, 'Mari', '21000'])

  for (const values of [
    {},
    { account: 'nonsense' },
    { account: ACCOUNT, income: -1 },
    { account: ACCOUNT, income: 'x' },
    { account: ACCOUNT, other: 1 },
  ])
    t.match(await life.post(PERSON, `${at}/submit`, { values }), {
      status: 400,
      body: { type: /invalid_input/ },
    })
  const sent = await life.post(PERSON, `${at}/submit`, { values: { account: ACCOUNT, income: 18_000 } })
  t.match(sent, { status: 200, body: { state: 'submitted', number: 'FB-1' } })
  t.match(life.asked.at(-1), {
    ...{ service: APPLICATIONS, method: 'POST', path: '/applications' },
    options: {
      json: {
        ...{
          application: offer!.id,
          rule: 'family-benefit',
          person: PERSON,
          channel: 'web',
          event: { child: CHILD },
        },
        fields: {
          childName: { value: 'Mari', from: 'register', messageId: 'id-1' },
          income: { value: 18_000, from: 'person', register: { value: 21_000, service: INCOMES } },
          account: { value: ACCOUNT, from: 'person' },
        },
      },
    },
  })
  t.match(await life.post(PERSON, `${at}/submit`, { values: { account: ACCOUNT } }), { status: 409 }, 'once')
  found(t, life, [ACCOUNT, 'Mari'])

  const decided = {
    type: 'org.example.benefit-decided',
    data: { application: offer!.id, outcome: 'granted' },
  }
  await send(ends, life, decided)
  await send(ends, life, decided)
  t.match(await offersOf(life), [
    { state: 'decided', number: 'FB-1', outcome: { en: 'The benefit is yours.' } },
  ])
  const { body } = await life.get(PERSON, `${at}/course`)
  t.match(
    (body['steps'] as unknown as { what: string }[]).map(({ what }) => what),
    ['offered', 'opened', 'opened', 'sending', 'submitted', 'decided'],
  )
  const metrics = (await life.running.monitor('/metrics')).text
  t.match(metrics, /concordat_life_offers_total\{what="submitted",channel="web"\} 1/)
  t.notMatch(metrics, PERSON)
  t.match(await life.running.monitor('/health/ready'), { status: 200 })
  const document = (await life.running.ask('/openapi.json')).text
  t.match(document, 'submitOffer')
  t.notMatch(document, 'x-roles')
})

void t.test('events twice, out of order, of others, or with something else in them', async (t) => {
  const life = await startLifeEvents(t, { ends })
  const corrected = (subject: string) => ({ type: 'org.example.birth-corrected', subject })
  await send(ends, life, birth('B-10'))
  await send(ends, life, birth('B-10'))
  t.equal((await offersOf(life)).length, 1, 'one birth, one offer')
  await send(ends, life, corrected('B-11'))
  await send(ends, life, birth('B-11'))
  t.equal((await offersOf(life)).length, 1, 'the correction came before its event')

  const [offer] = await offersOf(life)
  await life.post(PERSON, `/v1/offers/${offer!.id}/open`, { agreed: ['child', 'income'] })
  await send(ends, life, corrected('B-10'))
  await send(ends, life, corrected('B-10'))
  t.match(await offersOf(life), [{ state: 'taken-back', takenBack: RULE.takenBackBy.text }])
  for (const act of ['open', 'submit', 'decline'])
    t.match(
      await life.post(
        PERSON,
        `/v1/offers/${offer!.id}/${act}`,
        act === 'open' ? { agreed: [] } : act === 'submit' ? { values: {} } : undefined,
      ),
      { status: 409 },
    )
  found(t, life, [PERSON, 'Mari'])

  const hostile = [
    birth('C-1'),
    { ...birth('B-20'), type: 'org.example.other' },
    birth('B-21', []),
    birth('B-22', [PERSON, '<script>']),
    birth(
      'B-23',
      Array.from({ length: 30 }, (_, n) => `P${String(n).padStart(8, '0')}`),
    ),
    birth('B-24', { toString: PERSON }),
    { subject: 'B-25', data: { parents: [PERSON], child: '\u202e' } },
    { subject: 'B-26', data: { parents: [PERSON], child: { a: 1 } } },
    { subject: 'B-27', data: 'text' },
    { type: 'org.example.benefit-decided', data: { application: offer!.id, outcome: 'constructor' } },
    { type: 'org.example.benefit-decided', data: { application: 'nobody', outcome: 'granted' } },
  ]
  for (const one of hostile) await send(ends, life, one)
  t.equal((await offersOf(life)).length, 1, 'none of them made an offer')
  await send(ends, life, birth('B-30', 'P00000050'))
  const [last] = await offersOf(life, 'P00000050')
  t.match(last, { state: 'offered' }, 'those behind them came')
  t.match(await life.post('P00000050', `/v1/offers/${last!.id}/decline`), { body: { state: 'declined' } })
  await send(ends, life, birth('B-30', 'P00000050'))
  t.match(await offersOf(life, 'P00000050'), [{ state: 'declined' }], 'no means no')
})

void t.test('an event of a publisher that the rule does not name makes no offer', async (t) => {
  const life = await startLifeEvents(t, {
    ends,
    rule: { event: { ...RULE.event, publishers: ['DEV/GOV/9/other'] } },
  })
  await send(ends, life, birth('B-40'))
  t.strictSame(await offersOf(life), [])
})

void t.test(
  'killed after any step, an event makes one offer, and an application is sent as the same',
  async (t) => {
    const folder = emptyFolder(t)
    const dead = Promise.withResolvers<void>()
    const dying = (store: OfferStore): OfferStore => ({
      ...store,
      async add(q) {
        await store.add(q)
        dead.resolve()
        throw new Error('killed')
      },
    })
    const doomed = await startLifeEvents(t, { ends, folder, arm: dying })
    const delivery = await post(ends, birth('B-50'))
    await dead.promise
    await doomed.running.stop()
    let lost = true
    const sent: unknown[] = []
    const skew = { ms: 0 }
    const play: Play = (asked) => {
      if (asked.service !== APPLICATIONS) return REGISTERS(asked)
      sent.push(asked.options['json'])
      return lost
        ? new ExchangeError('connection_lost', { mayHaveBeenCarriedOut: true })
        : { status: 200, document: { number: 'FB-2' } }
    }
    const first = await startLifeEvents(t, { ends, folder, play })
    await settle(ends.made)
    await taken(first, delivery)
    const [offer, ...others] = await offersOf(first)
    t.strictSame(others, [])
    const at = `/v1/offers/${offer!.id}`
    await first.post(PERSON, `${at}/open`, { agreed: ['child', 'income'] })
    t.match(await first.post(PERSON, `${at}/submit`, { values: { account: ACCOUNT } }), {
      body: { state: 'sending' },
    })
    t.match(await first.post(PERSON, `${at}/submit`, { values: { account: 'EE9999' } }), { status: 409 })
    await send(ends, first, { type: 'org.example.birth-corrected', subject: 'B-50' })
    t.match(await offersOf(first), [{ state: 'sending' }], 'what may have arrived is not taken back')
    await first.running.stop()
    lost = false
    skew.ms = 60_000
    const second = await startLifeEvents(t, { ends, folder, play, skew: () => skew.ms })
    await until('it is sent again', async (saw) => saw((await offersOf(second))[0]?.state) === 'submitted')
    t.equal(sent.length, 2)
    t.strictSame(sent[0], sent[1])
    const { body } = await second.get(PERSON, `${at}/course`)
    t.match(
      (body['steps'] as unknown as { what: string }[]).map(({ what }) => what),
      ['offered', 'opened', 'sending', 'corrected', 'submitted'],
    )
    skew.ms = 900 * DAY_MS
    const store = await openOfferStore({
      file: second.databaseFile,
      keys,
      keepDays: 90,
      clock: () => Date.now() + skew.ms,
    })
    t.teardown(() => store.close())
    await store.sweep()
    t.strictSame(await store.ofPerson(PERSON), [], 'what is over is deleted')
    t.strictSame(await store.steps(offer!.id), [])
  },
)

void t.test('a clock that leaps while the adapter works erases no offer', async (t) => {
  const ends = await openEnds(t)
  const [skew, looks] = [{ ms: 0 }, { n: 0 }]
  const arm = (store: OfferStore): OfferStore => ({
    ...store,
    unsent: () => {
      looks.n++
      return store.unsent()
    },
  })
  const offers = await startLifeEvents(t, { ends, arm, skew: () => skew.ms })
  await send(ends, offers, birth('B-70'))
  t.match(await offersOf(offers), [{ state: 'offered' }])
  skew.ms = 400 * DAY_MS
  looks.n = 0
  await until('it has looked for what is over', async (saw) => saw(looks.n) > 1)
  skew.ms = 0
  t.match(await offersOf(offers), [{ state: 'offered' }])
})

void t.test('a register that refuses, is away, is slow, or answers something else', async (t) => {
  let how: 'refused' | 'away' | 'silly' | 'well' = 'refused'
  const play: Play = (asked) => {
    if (asked.service === APPLICATIONS)
      return how === 'well' ? REGISTERS(asked) : { status: 422, document: {} }
    if (how === 'refused' && asked.service === REGISTER)
      return new ExchangeError({
        ...{
          code: 'server.serverproxy.contract_ended',
          where: "provider's security server",
          text: 'It ended',
          next: 'Renew it',
        },
        ...{ detail: undefined, mayHaveBeenCarriedOut: false, status: 500, retryAfterMs: undefined },
      })
    if (how === 'refused' || how === 'away') return new ExchangeError('deadline_exceeded')
    if (how === 'silly')
      return {
        status: 200,
        document: {
          givenName: { toString: 'x' },
          born: 'yesterday',
          income: '21000',
          __proto__: { born: 1 },
        },
      }
    return REGISTERS(asked)
  }
  const life = await startLifeEvents(t, { ends, play })
  await send(ends, life, birth('B-60'))
  const [{ id }] = (await offersOf(life)) as [Offer]
  const open = () => life.post(PERSON, `/v1/offers/${id}/open`, { agreed: ['child', 'income'] })
  t.match(await open(), {
    status: 200,
    body: {
      asked: [{ outcome: 'refused', code: 'server.serverproxy.contract_ended' }, { outcome: 'away' }],
      fields: [{ from: 'nobody' }, { from: 'nobody' }],
    },
  })
  how = 'silly'
  const silly = await open()
  t.match(silly.body, { asked: [{ outcome: 'answered' }, { outcome: 'answered' }] })
  t.ok(
    (silly.body['fields'] as unknown as { value?: unknown }[]).every(({ value }) => value === undefined),
    'no value of another form',
  )
  const values = { childName: '<b>Mari</b>', childBorn: '2026-11-20', income: 3, account: ACCOUNT }
  t.match(await life.post(PERSON, `/v1/offers/${id}/submit`, { values }), {
    status: 400,
    body: { type: /source_refused/ },
  })
  t.match(await offersOf(life), [{ state: 'opened' }], 'what was refused may be corrected')
  how = 'well'
  t.match(await life.post(PERSON, `/v1/offers/${id}/submit`, { values }), { body: { state: 'submitted' } })
  t.match(life.asked.at(-1)!.options, {
    json: { fields: { childName: { value: '<b>Mari</b>', from: 'person' } } },
  })
})

void t.test(
  'an application that did not arrive is not opened again when its event was taken back',
  async (t) => {
    const play: Play = async (asked) => {
      if (asked.service !== APPLICATIONS) return REGISTERS(asked)
      await send(ends, life, { type: 'org.example.birth-corrected', subject: 'B-90' })
      return { status: 422, document: {} }
    }
    const life = await startLifeEvents(t, { ends, play })
    await send(ends, life, birth('B-90'))
    const { id } = (await offersOf(life))[0]!
    await life.post(PERSON, `/v1/offers/${id}/open`, { agreed: ['child', 'income'] })
    await life.post(PERSON, `/v1/offers/${id}/submit`, { values: { account: ACCOUNT } })
    t.match(await offersOf(life), [{ state: 'taken-back' }])
    found(t, life, [PERSON, ACCOUNT])
  },
)
