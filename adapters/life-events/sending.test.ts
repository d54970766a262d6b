/**
 * Applications that may not have arrived: sent again as the same, never declared to have not arrived, and
 * never for ever.
 */

import { writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { ExchangeError } from '#adapters/client/exchange-error.ts'
import { emptyFolder } from '#adapters/kit/kit-fixture.ts'
import { readSettings } from '#adapters/kit/serve-adapter.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { createMetrics } from '#platform/metrics/create-metrics.ts'
import { createActs } from './acts.ts'
import { lifeEvents } from './adapter.ts'
import {
  APPLICATIONS,
  OTHER,
  PERSON,
  type Play,
  playServices,
  REGISTERS,
  RULE,
} from './life-events-fixture.ts'
import { createOfferMetrics } from './metrics.ts'
import { createOfferKeys } from './offer-keys.ts'
import { createReadHappening } from './read-happening.ts'
import { createSteadyClock } from './steady-clock.ts'
import { type OfferStore, openOfferStore } from './store.ts'
import { send } from './submit.ts'
import { createTakeEvent } from './take-event.ts'

const keys = createOfferKeys(Buffer.from('5a'.repeat(32), 'hex'))
const HOUR_MS = 3_600_000
const log = createLog({ name: 'test', level: 'silent' })
const LOST = new ExchangeError('connection_lost', { mayHaveBeenCarriedOut: true })
const AWAY = new ExchangeError('unreachable')
const REFUSED = { status: 422, document: {} }
const WELL = { status: 201, document: { number: 'FB-1' } }
const who = (person: string) =>
  ({ channel: 'web', person, actor: undefined, clerk: undefined, userId: `EE${person}` }) as const

/** The event by which an office says what it decided on this application. */
function decisionOn(application: string) {
  const event = {
    ...{ specversion: '1.0', id: application, source: '/office', type: RULE.decidedBy.type },
    data: { application, outcome: 'granted' },
  }
  return { delivery: 'd', sender: OTHER, bytes: Buffer.from(JSON.stringify(event)) }
}

/** Offers of one rule, with a clock and a receiving system that the test plays. */
async function open(t: Test) {
  const folder = emptyFolder(t)
  const file = path.join(folder, 'adapter.yaml')
  writeFileSync(
    file,
    JSON.stringify({
      listen: { address: '127.0.0.1' },
      monitoring: { address: '127.0.0.1' },
      service: { code: 'offers', title: 'Offers' },
      ...{ databaseFile: './offers.db', keyFile: './offers.key', languages: ['en', 'et'] },
      ...{ securityServer: { url: 'http://127.0.0.1:1', client: OTHER }, inboxes: [`${OTHER}/events`] },
      ...{ person: { pattern: '^(?:EE)?(P\\d{8})$' }, rules: [RULE] },
    }),
  )
  const settings = await readSettings(lifeEvents, file, {})
  const now = { ms: Date.now() }
  const clock = () => now.ms
  const store = await openOfferStore({ file: settings.databaseFile, keys, keepDays: 90, clock })
  t.teardown(() => store.close())
  const metrics = createOfferMetrics(createMetrics())
  const asked: Parameters<typeof playServices>[2] = []
  const played: { answer: Awaited<ReturnType<Play>> } = { answer: WELL }
  const play: Play = (one) => (one.service === APPLICATIONS ? played.answer : REGISTERS(one))
  const server = playServices({} as never, play, asked)
  const steady = { isSteady: () => true }
  const rooms = { settings, store, server, metrics, clock, steady, log }
  const acts = createActs(rooms)
  const takeInto = (into: OfferStore) =>
    createTakeEvent({ read: createReadHappening(settings), store: into, metrics, log })
  return {
    ...{ acts, store, now, played, rooms, takeInto },
    sent: () => asked.filter(({ service }) => service === APPLICATIONS).map(({ options }) => options),
    /** An offer of this person that is filled and sent; the number of the offer. */
    async submit(person = PERSON): Promise<string> {
      await store.add({ rule: RULE.name, happening: person, person, values: { child: person }, days: 180 })
      const { id, shown } = (await acts.list(who(person)))[0]!
      await acts.open(who(person), id, ['child', 'income'], shown)
      await acts.submit(who(person), id, { account: 'EE1234567890' })
      return id
    },
    async again(): Promise<void> {
      now.ms += 2 * HOUR_MS
      await acts.sendAgain()
    },
    stateOf: async (id: string) => (await store.find(id))?.state,
  }
}

void t.test('what may have arrived stays so, whatever the next attempt says', async (t) => {
  const { submit, played, again, stateOf, sent } = await open(t)
  played.answer = LOST
  const id = await submit()
  for (const answer of [AWAY, REFUSED, { status: 503, document: {} }, { status: 409, document: {} }]) {
    played.answer = answer
    await again()
    t.equal(await stateOf(id), 'sending')
  }
  played.answer = WELL
  await again()
  t.equal(await stateOf(id), 'submitted')
  t.equal(sent().length, 6)
  for (const { json, userId, issue } of sent())
    t.strictSame({ json, userId, issue }, { json: sent()[0]!['json'], userId: `EE${PERSON}`, issue: id })
})

void t.test('the form is open again where the first attempt cannot have arrived', async (t) => {
  const { submit, played, stateOf, acts, store, takeInto } = await open(t)
  for (const [person, answer, code] of [
    ['P00000001', AWAY, 'source_unavailable'],
    ['P00000002', REFUSED, 'source_refused'],
  ] as const) {
    played.answer = answer
    await t.rejects(submit(person), { code })
    const { id } = (await acts.list(who(person)))[0]!
    t.equal(await stateOf(id), 'opened')
    await takeInto(store)(decisionOn(id))
    t.equal(await stateOf(id), 'decided', 'a decision says that it arrived after all')
  }
})

void t.test('a clock that leaps ahead is not believed for a day', async (t) => {
  const [now, passed] = [{ ms: Date.now() }, { ms: 0 }]
  const { isSteady, finding } = createSteadyClock(
    () => now.ms,
    () => passed.ms,
  )
  const pass = (hours: number): void => {
    now.ms += hours * HOUR_MS
    passed.ms += hours * HOUR_MS
  }
  t.ok(isSteady())
  pass(5000)
  t.ok(isSteady(), 'time that goes by is no leap')
  now.ms += 400 * 24 * HOUR_MS
  t.notOk(isSteady())
  t.match(finding(), { ok: true, reason: /leapt ahead/ })
  pass(23)
  t.notOk(isSteady())
  now.ms -= 400 * 24 * HOUR_MS
  t.ok(isSteady(), 'it was put right')
  t.strictSame(finding(), { ok: true })
  now.ms -= 48 * HOUR_MS
  t.ok(isSteady(), 'one that is behind ends nothing too early')
  now.ms += 48 * HOUR_MS
  t.notOk(isSteady())
  pass(25)
  t.ok(isSteady(), 'what lasts for a day is a correction')
})

void t.test(
  'a clock that was ahead and is put right lets an application wait no longer than ever',
  async (t) => {
    const { submit, played, stateOf, acts, now } = await open(t)
    played.answer = LOST
    const id = await submit()
    now.ms += 24 * HOUR_MS
    await acts.sendAgain()
    now.ms -= 24 * HOUR_MS
    played.answer = WELL
    await acts.sendAgain()
    t.equal(await stateOf(id), 'submitted')
  },
)

void t.test('many that nobody answers stop no other, and none is sent for ever', async (t) => {
  const { submit, played, stateOf, store, now, rooms, sent } = await open(t)
  t.strictSame(await createActs(rooms).finding(), { ok: true })
  played.answer = LOST
  const ids: string[] = []
  for (let n = 0; n < 3; n++) ids.push(await submit(`P${String(10_000_000 + n)}`))
  played.answer = REFUSED
  // As the store does with a hundred.
  const unsent = async () => (await store.unsent()).slice(0, 2)
  const acts = createActs({ ...rooms, store: { ...store, unsent } })
  now.ms += 2 * HOUR_MS
  await acts.sendAgain()
  await acts.sendAgain()
  await acts.sendAgain()
  t.strictSame(
    sent()
      .map(({ issue }) => issue)
      .sort(),
    [...ids, ...ids].sort(),
    'each had its turn, before any has another',
  )
  t.match(await acts.finding(), { ok: true, reason: /^applications of rule family-benefit are sent without/ })
  const without = createActs({ ...rooms, settings: { ...rooms.settings, rules: [] } })
  t.match(await without.finding(), { reason: /^rule family-benefit is gone from the settings/ })
  now.ms += 31 * 24 * HOUR_MS
  const leapt = { ...rooms.settings, rules: [] }
  await createActs({ ...rooms, settings: leapt, steady: { isSteady: () => false } }).sendAgain()
  t.equal(await stateOf(ids[0]!), 'sending', 'a clock that has leapt ends nothing')
  now.ms += HOUR_MS * 24
  await without.sendAgain()
  await without.sendAgain()
  t.equal(sent().length, 6)
  t.equal(await stateOf(ids[0]!), 'over', 'also of a rule that is gone')
  t.equal((await store.find(ids[0]!))?.content, undefined)
  t.strictSame(await without.finding(), {
    ...{ ok: true, reason: '3 applications ended without an answer; the log has their numbers' },
  })
  now.ms += 91 * 24 * HOUR_MS
  await store.sweep()
  t.equal(await stateOf(ids[0]!), undefined, 'erased in time')
})

void t.test(
  'a correction that comes while a refused application is opened again takes it back',
  async (t) => {
    const { submit, played, stateOf, store, rooms } = await open(t)
    played.answer = LOST
    const id = await submit(PERSON)
    played.answer = REFUSED
    const offer = (await store.find(id))!
    const content = { ...offer.content!, sending: offer.content!.sending! }
    let statements = 0
    /** The correction comes right before the first statement, and the adapter is killed right after it. */
    const killedAfter =
      <Q extends unknown[], R>(act: (...q: Q) => Promise<R>) =>
      async (...q: Q): Promise<R> => {
        if (++statements > 1) throw new Error('killed')
        await store.takeBack(PERSON)
        return act(...q)
      }
    const armed = { ...store, arrived: killedAfter(store.arrived), reopen: killedAfter(store.reopen) }
    const sending = {
      rule: rooms.settings.rules[0]!,
      offer,
      content,
      channel: 'web',
      isAgain: false,
    } as const
    const doors = { store: armed, server: rooms.server, answerMs: 1000 }
    await t.rejects(send(doors, sending), { code: 'source_refused' })
    t.equal(await stateOf(id), 'taken-back')
    t.equal((await store.find(id))?.content, undefined, 'and erased')
  },
)

/** `act` goes before the statement of this number, of those that are made of the store. */
function beforeStatement(store: OfferStore, at: number, act: () => Promise<unknown>) {
  const made = { statements: 0 }
  const all = Object.entries(store).map(([name, statement]: [string, (...q: never[]) => unknown]) => [
    name,
    async (...q: never[]) => {
      made.statements += 1
      if (made.statements === at) await act()
      return statement(...q)
    },
  ])
  return { made, store: Object.fromEntries(all) as OfferStore }
}

void t.test('a number stays, in whichever order the answer with it and the decision come', async (t) => {
  const { submit, played, store, rooms, takeInto, acts } = await open(t)
  for (const at of [1, 2, 3, 4]) {
    const person = `P2000000${at}`
    played.answer = LOST
    const id = await submit(person)
    played.answer = WELL
    const offer = (await store.find(id))!
    const content = { ...offer.content!, sending: offer.content!.sending! }
    const doors = { store, server: rooms.server, answerMs: 1000 }
    const sending = { rule: rooms.settings.rules[0]!, offer, content, channel: 'web', isAgain: true } as const
    const between = beforeStatement(store, at, () => send(doors, sending))
    await takeInto(between.store)(decisionOn(id))
    if (between.made.statements < at) t.ok(await send(doors, sending), 'the answer comes last')
    await takeInto(store)(decisionOn(id))
    t.match(await store.find(id), { state: 'decided', content: { number: 'FB-1', outcome: 'granted' } })
    t.match(await acts.list(who(person)), [{ state: 'decided', number: 'FB-1' }])
    const course = (await store.steps(id)).map(({ what }) => what)
    t.equal(course.filter((what) => what === 'decided').length, 1)
    t.equal(course.at(-1), 'decided')
  }
})
