/** Never more calls than a consent allows, on both stores, over nodes, restarts and withdrawals. */
import { randomUUID } from 'node:crypto'
import { mock } from 'node:test'
import t, { type Test } from 'tap'
import { migrate } from '#platform/database/migrate.ts'
import { openDatabase } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import { eachDatabase } from '#test/databases.ts'
import { until } from '#test/until.ts'
import { createKeyStore } from './key-store.ts'
import { consentMigrations } from './migrations.ts'
import { createOwnSource } from './own-source.ts'
import {
  createNameIfAny,
  createPeopleKey,
  createPeopleNames,
  GOOD_MS,
  resealPeopleKey,
  type Seals,
} from './people-names.ts'
import { createRequestStore } from './requests-store.ts'
import { nextStretch, stretchOf } from './stretches.ts'
import { createConsentTaking } from './take-consent.ts'
import {
  ask,
  CLIENT,
  CONTRACT,
  DAY,
  give,
  iso,
  NOON,
  type Node,
  node,
  person,
  quiet,
  rule,
  seals,
  storm,
  world,
} from './taking-fixture.ts'

await eachDatabase(t, async (database, t, url) => {
  await migrate(database, consentMigrations)
  t.beforeEach(() => {
    world.now += DAY
  })
  /** Another node of the server. */
  const second = async (t: Test): Promise<Node> => {
    const other = url.startsWith('postgres') ? await openDatabase(url) : undefined
    t.teardown(() => other?.close())
    return node(t, other ?? database)
  }

  await t.test('a standing consent: to whom, for what, until when', async (t) => {
    const one = node(t, database)
    await t.rejects(one.take(ask('A1')), { code: 'consent_missing' })
    const { number } = await give(one, 'A1')
    t.match(await one.take(ask('A1')), { number, digest: 'x' })
    await t.rejects(one.take(ask('A2')), { code: 'consent_missing' }, 'another person')
    await t.rejects(one.take(ask('A1', { client: 'DEV/GOV/3/x' })), { code: 'consent_missing' })
    await t.rejects(one.take(ask('A1', { demand: 'd2' })), { code: 'consent_missing' }, 'something else')
    world.now += 30 * DAY
    await t.rejects(one.take(ask('A1')), { code: 'consent_ended' }, 'its time is over, though it is held')
  })

  await t.test('withdrawn: at once here, within the time on another node, also during a call', async (t) => {
    const [one, two] = [node(t, database), await second(t)]
    const { number } = await give(one, 'B1')
    const during = await one.take(ask('B1'))
    await two.take(ask('B1'))
    await one.store.withdraw(number, { at: iso(world.now), record: 2 })
    one.changed()
    await t.rejects(one.take(ask('B1')), { code: 'consent_ended' })
    t.equal(during.number, number, 'a call that was counted before goes on')
    await two.take(ask('B1'))
    world.now += GOOD_MS
    await t.rejects(two.take(ask('B1')), { code: 'consent_ended' })
    t.ok(GOOD_MS <= 60_000)
    const again = await give(one, 'B1')
    t.equal((await two.take(ask('B1'))).number, again.number, 'a new one is seen at once everywhere')
    const newer = await give(two, 'B1', { given_at: iso(world.now + 1) })
    t.ok((await one.store.byNumber(again.number))!.withdrawn_at, 'one that is replaced has ended')
    world.now += GOOD_MS
    t.equal((await one.take(ask('B1'))).number, newer.number)
  })

  await t.test(
    'what is held of a consent is read again when that one ends, not when others do',
    async (t) => {
      const one = node(t, database)
      const [first] = [await give(one, 'P1'), await give(one, 'P2')]
      const clock = () => world.now
      const source = createOwnSource({ ...one, clock })
      let finds = 0
      const find: typeof source.find = (call) => {
        finds += 1
        return source.find(call)
      }
      const taking = createConsentTaking({ source: { ...source, find }, clock, log: quiet })
      t.teardown(() => taking.close())
      const findsOfBoth = async (): Promise<number> => {
        const before = finds
        for (const code of ['P1', 'P2']) await taking.take(ask(code))
        return finds - before
      }
      t.same([await findsOfBoth(), await findsOfBoth()], [2, 0])
      taking.changed([])
      t.equal(await findsOfBoth(), 0)
      taking.changed([first.number])
      t.equal(await findsOfBoth(), 1)
      taking.changed()
      t.equal(await findsOfBoth(), 2)
      const newer = await give(one, 'P1', { given_at: iso(world.now + 1) })
      const outcome = await one.store.add({ ...newer, number: randomUUID() }, { record: 1 })
      t.same(
        new Set((outcome as { earlier: string[] }).earlier),
        new Set([first.number, newer.number]),
        'also one that has ended before: another node may have ended it',
      )
    },
  )

  await t.test(
    'a consent for one call: once over nodes and restarts; what failed gives it back',
    async (t) => {
      const nodes = [node(t, database), await second(t)]
      await give(nodes[0]!, 'C1', { kind: 'once' })
      t.same(await storm(nodes, 40, () => ask('C1')), { passed: 1, codes: ['consent_used_up'] })
      await t.rejects(node(t, database).take(ask('C1')), { code: 'consent_used_up' }, 'after a restart')
      await give(nodes[0]!, 'C2', { kind: 'once' })
      const taken = await nodes[0]!.take(ask('C2'))
      await t.rejects(nodes[1]!.take(ask('C2')), { code: 'consent_used_up' })
      await taken.giveBack()
      await taken.giveBack()
      const { number } = await nodes[1]!.take(ask('C2'))
      t.equal((await nodes[0]!.store.byNumber(number))!.uses, 1)
      t.equal((await nodes[0]!.store.uses(number, { limit: 9 })).length, 1)
    },
  )

  await t.test('so many calls a day', async (t) => {
    const nodes = [node(t, database), await second(t)]
    const daily = { ...rule, frequency: { times: 3, per: 'day' } } as const
    await give(nodes[0]!, 'D1')
    const three = () => storm(nodes, 20, () => ask('D1', { rule: daily }))
    t.same(await three(), { passed: 3, codes: ['consent_used_up'] })
    await t.rejects(nodes[0]!.take(ask('D1', { rule: daily })), {
      ...{ code: 'consent_used_up', what: /again at .*T00:00:00.000Z/ },
    })
    world.now += DAY
    t.equal((await three()).passed, 3, 'and again the next day')
    await give(nodes[0]!, 'D2')
    const late = await nodes[0]!.take(ask('D2', { rule: daily }))
    world.now += DAY
    t.equal((await storm(nodes, 20, () => ask('D2', { rule: daily }))).passed, 3)
    await late.giveBack()
    await t.rejects(
      nodes[0]!.take(ask('D2', { rule: daily })),
      { code: 'consent_used_up' },
      'what comes back from the day before makes no room today',
    )
    world.now -= DAY
    await t.rejects(nodes[1]!.take(ask('D2', { rule: daily })), { code: 'consent_used_up' }, 'a clock behind')
    world.now += DAY
    await t.rejects(nodes[0]!.take(ask('D2', { rule: daily })), { code: 'consent_used_up' })
    t.equal(stretchOf(NOON, 'hour'), '2026-06-01T12')
    t.equal(nextStretch(NOON, 'month'), '2026-07-01T00:00:00.000Z')
  })

  await t.test('each call is written down, what was given back is not', async (t) => {
    const one = node(t, database)
    const { number } = await give(one, 'E1')
    for (let i = 0; i < 3; i++) await one.take(ask('E1'))
    const back = await one.take(ask('E1'))
    await back.giveBack()
    await until('the calls are written down', async () => (await one.store.byNumber(number))!.uses === 3)
    t.match(await one.store.uses(number, { limit: 9 }), [{ message_id: 'Q-1' }, {}, {}])
    const late = await one.take(ask('E1'))
    await one.write()
    await late.giveBack()
    t.equal((await one.store.byNumber(number))!.uses, 3)
    const [first] = await one.store.uses(number, { limit: 1 })
    const rest = await one.store.uses(number, { after: { at: first!.time, id: first!.request_id }, limit: 9 })
    t.equal(rest.length, 2, 'a page goes on where the one before ended')
  })

  await t.test('calls that a keeper has still to hear of, and those that it has heard of', async (t) => {
    const { store } = node(t, database)
    const use = (id: string) => ({
      ...{ number: randomUUID(), time: iso(world.now), request_id: id, message_id: 'Q-1' },
      ...{ service: 'DEV/GOV/2000/population/persons', client: CLIENT, to_tell: 'DEV/GOV/2000/ss1' },
    })
    const [first, second, third] = [use('T1'), use('T2'), use('T3')]
    await store.noteUses([first, second, third])
    await store.told([first, third])
    t.strictSame(await store.untold(iso(world.now), 9), [], 'none of before')
    t.strictSame(await store.untold(iso(world.now + 1), 9), [second])
    await store.noteUses([first])
    t.strictSame(await store.untold(iso(world.now + 1), 9), [second], 'what was told stays told')
    await store.forgetUse(second)
    const call = { requestId: 'T1', time: first.time, number: first.number }
    const found = await store.consentsOf({ person: undefined, calls: [call] })
    t.strictSame([...found.values()], [[first.number]], 'the consent of a call by its record')
    const other = { ...call, number: third.number }
    t.equal((await store.consentsOf({ person: 'x', calls: [other] })).size, 0, 'none that it does not name')
  })

  await t.test('a storm of calls is written down while it lasts, without waiting for a timer', async (t) => {
    const one = node(t, database)
    const { number } = await give(one, 'S1')
    const clock = () => world.now
    const source = createOwnSource({ ...one, clock })
    let written = 0
    const addUses: typeof source.addUses = async (uses) => {
      await source.addUses(uses)
      written += uses.length
    }
    const taking = createConsentTaking({ source: { ...source, addUses }, clock, log: quiet })
    t.teardown(() => taking.close())
    mock.timers.enable({ apis: ['setTimeout'] })
    t.teardown(() => mock.timers.reset())
    for (let made = 0; made < 12_000; made += 100) {
      await Promise.all(Array.from({ length: 100 }, () => taking.take(ask('S1'))))
      // Of 10,000 that are not written down, the next is refused, and how fast a database writes is not the
      // test's to say.
      do await new Promise(setImmediate)
      while (made - written > 8_000)
    }
    mock.timers.reset()
    await taking.write()
    t.equal(written, 12_000)
    t.equal((await one.store.byNumber(number))!.uses, 12_000)
  })

  await t.test('what is not taken down rests longer each time, and one line says so', async (t) => {
    const one = node(t, database)
    await give(one, 'R1')
    const clock = () => world.now
    const source = createOwnSource({ ...one, clock })
    let tries = 0
    let isDown = true
    const addUses: typeof source.addUses = async (uses) => {
      tries += 1
      if (isDown) throw new Fault('network_error')
      await source.addUses(uses)
    }
    const said: unknown[] = []
    const log = { warn: (...facts: unknown[]) => void said.push(facts) }
    const far = createConsentTaking({ ...one, source: { ...source, addUses, mostRestMs: 4000 }, clock, log })
    mock.timers.enable({ apis: ['setTimeout'] })
    t.teardown(() => mock.timers.reset())
    const { number } = await far.take(ask('R1'))
    const triesIn = async (ms: number): Promise<number> => {
      const before = tries
      mock.timers.tick(ms)
      for (let i = 0; i < 5; i++) await new Promise(setImmediate)
      return tries - before
    }
    for (const rest of [500, 1000, 2000, 4000, 4000])
      t.same([await triesIn(rest - 1), await triesIn(1)], [0, 1], `${rest} ms`)
    t.match(said, [[{ outcome: 'network_error' }, String]])
    t.equal(said.length, 1)
    isDown = false
    await triesIn(4000)
    mock.timers.reset()
    await far.write()
    t.equal((await one.store.byNumber(number))!.uses, 1)
  })

  await t.test('while the database says nothing, nobody is let through', async (t) => {
    const one = node(t, database)
    await give(one, 'F1')
    const broken = {
      newest: () => Promise.reject(new Error('down')),
      take: () => Promise.reject(new Error('down')),
      addUses: () => Promise.reject(new Error('down')),
    }
    const clock = () => world.now
    const silent = createOwnSource({ ...one, store: { ...one.store, ...broken }, clock })
    const deaf = createConsentTaking({ ...one, source: silent, clock, log: quiet })
    await t.rejects(deaf.take(ask('F1')), { code: 'consent_unknown', retryAfter: 1 })
    const lost = { ...seals, open: () => Promise.reject(new Error('no key')) as never }
    const nameOf = createPeopleNames(createPeopleKey(createKeyStore(database), lost, clock))
    const source = createOwnSource({ ...one, nameOf, clock })
    const nameless = createConsentTaking({ source, clock, log: quiet })
    await t.rejects(nameless.take(ask('F1')), { code: 'consent_unknown' })
  })

  await t.test(
    'the key of names: sealed anew when keys are rotated; given up, all consents end',
    async (t) => {
      const [one, two] = [node(t, database), await second(t)]
      const keyStore = createKeyStore(database)
      const { number } = await give(one, 'K1')
      await two.take(ask('K1'))
      const newer: Seals = { ...seals, current: 'k2' }
      const look = (by: Seals) =>
        createNameIfAny(
          keyStore,
          createPeopleNames(createPeopleKey(keyStore, by, () => world.now)),
        )(person('K1'))
      t.equal(await look(seals), await one.nameOf(person('K1')))
      const lost: Seals = {
        ...newer,
        open: () => {
          throw new Fault('delivery_key_missing')
        },
      }
      t.equal(await look(lost), undefined, 'who only looks goes on without it')
      await resealPeopleKey(keyStore, lost)
      t.equal(await keyStore.sealedWith('k1'), 1, 'a node that cannot open it leaves it')
      await resealPeopleKey(keyStore, newer)
      t.same([await keyStore.sealedWith('k1'), await keyStore.sealedWith('k2')], [0, 1])
      t.equal(await keyStore.giveUp('k1', iso(world.now)), 0, 'the older key may go')
      world.now += GOOD_MS
      t.equal((await two.take(ask('K1'))).number, number, 'the names are the same')
      t.equal(await keyStore.giveUp('k2', iso(world.now)), 1)
      t.same([await look(seals), await keyStore.read()], [undefined, undefined], 'a look makes no key')
      t.ok((await one.store.byNumber(number))!.withdrawn_at)
      world.now += GOOD_MS
      for (const each of [one, two])
        await t.rejects(each.take(ask('K1')), { code: 'consent_missing' }, 'named anew on each node')
      const again = await give(one, 'K1')
      t.equal((await two.take(ask('K1'))).number, again.number)
      await two.store.withdraw(again.number, { at: iso(world.now), record: 2 })
      world.now += GOOD_MS
      await t.rejects(one.take(ask('K1')), { code: 'consent_ended' })
    },
  )

  await t.test('in numbers, and forgotten', async (t) => {
    const one = node(t, database)
    const subsystem = 'DEV/GOV/2000/other'
    const [old] = [await give(one, 'G1', { subsystem }), await give(one, 'G2', { subsystem, kind: 'once' })]
    await one.store.withdraw(old.number, { at: iso(world.now), record: 3 })
    await one.take(ask('G2'))
    const counts = { contract: CONTRACT, given: 2, withdrawn: 1, calls: 1, inForce: 0 }
    t.same(await one.store.counts(subsystem, iso(world.now)), [counts])
    await one.store.forget(iso(world.now + 1), iso(0))
    t.equal((await one.store.counts(subsystem, iso(world.now)))[0]!.given, 1, 'one that ended')
  })

  await t.test('a request for consent is answered once', async (t) => {
    const one = node(t, database)
    const requests = createRequestStore(database)
    const request = randomUUID()
    await requests.add({
      ...{ request, token_hash: 'h', subsystem: 'S', client: CLIENT, contract: CONTRACT },
      ...{ person: await one.nameOf(person('H1')), return_url: 'https://x', asked_at: iso(world.now) },
      ...{ valid_until: iso(world.now + DAY), state: 'REQUESTED', number: null, code: null },
    })
    const row = async () => ({ ...(await give(one, `H${randomUUID()}`)), number: randomUUID() })
    const [a, b] = [await row(), await row()]
    t.match(await one.store.add(a, { record: 1, request }), { earlier: [String] })
    t.equal(await one.store.add(b, { record: 1, request }), 'not_open')
    t.match(await requests.byToken('h'), { state: 'GIVEN', number: a.number })
    t.equal(await one.store.byNumber(b.number), undefined)
    const presented = randomUUID()
    const [first, second] = [await row(), await row()]
    t.match(await one.store.add({ ...first, presented }, { record: 1 }), { earlier: [String] })
    t.equal(await one.store.add({ ...second, presented }, { record: 1 }), 'presented_before')
    t.equal(await one.store.byNumber(second.number), undefined, 'one presentation, one consent')
    const unanswered = randomUUID()
    await requests.add({
      ...{ request: unanswered, token_hash: 'h2', subsystem: 'S', client: CLIENT, contract: CONTRACT },
      ...{ person: await one.nameOf(person('H2')), return_url: 'https://x', asked_at: iso(world.now) },
      ...{ valid_until: iso(world.now + DAY), state: 'REQUESTED', number: null, code: null },
    })
    await one.store.forget(iso(0), iso(world.now + DAY))
    t.ok(await requests.byId(unanswered))
    await one.store.forget(iso(0), iso(world.now + DAY + 1))
    t.same([await requests.byId(unanswered), (await requests.byToken('h'))?.state], [undefined, 'GIVEN'])
  })
  await t.test(
    'a request keeps the code for as long as its consent is here; one that was declined keeps none',
    async (t) => {
      const one = node(t, database)
      const requests = createRequestStore(database)
      const asked = async (code: string): Promise<string> => {
        const request = randomUUID()
        await requests.add({
          ...{ request, token_hash: request, subsystem: 'S', client: CLIENT, contract: CONTRACT },
          ...{ person: await one.nameOf(person(code)), return_url: 'https://x', asked_at: iso(world.now) },
          ...{ valid_until: iso(world.now + DAY), state: 'REQUESTED', number: null, code: 'sealed' },
        })
        return request
      }
      const [given, declined] = [await asked('I1'), await asked('I2')]
      const row = { ...(await give(one, 'I1')), number: randomUUID() }
      await one.store.add(row, { record: 1, request: given })
      await requests.decline(declined)
      t.match(await requests.byId(declined), { state: 'DECLINED', code: null })
      await one.store.forget(iso(world.now + 2 * DAY), iso(0))
      t.equal(await requests.byId(declined), undefined)
      t.match(await requests.codesOf([row.number]), [{ request: given, code: 'sealed' }])
      await one.store.forget(iso(world.now + 31 * DAY), iso(0))
      t.equal(await requests.byId(given), undefined)
    },
  )
})
