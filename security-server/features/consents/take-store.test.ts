/** Many calls in one transaction: counted each for itself, never twice, also when a node is killed. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import t from 'tap'
import { migrate } from '#platform/database/migrate.ts'
import { inTransaction, openDatabase, tablesOf } from '#platform/database/open-database.ts'
import type { Fault } from '#schemas/fault.ts'
import { eachDatabase } from '#test/databases.ts'
import { until } from '#test/until.ts'
import { consentMigrations } from './migrations.ts'
import { createOwnSource } from './own-source.ts'
import { createConsentStore } from './store.ts'
import type { Tables, UseRow } from './tables.ts'
import { createConsentTaking } from './take-consent.ts'
import type { CallToTake } from './take-store.ts'
import { ask, CLIENT, CONTRACT, DAY, give, iso, node, quiet, rule, world } from './taking-fixture.ts'

const daily = { ...rule, frequency: { times: 3, per: 'day' } } as const

await eachDatabase(t, async (database, t, url) => {
  await migrate(database, consentMigrations)

  await t.test('of two nodes one is killed: no consent for one call serves both', async (t) => {
    const one = node(t, database)
    world.now = Date.now()
    const codes = Array.from({ length: 240 }, (_, i) => `X${i}`)
    for (const code of codes) await give(one, code, { kind: 'once' })
    const first = await one.take(ask(codes.at(-1)!))
    const script = path.join(import.meta.dirname, 'take-child.ts')
    const child = spawn(process.execPath, [script, url, codes.join(' ')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const ended = once(child, 'close')
    let printed = ''
    child.stdout.on('data', (chunk: Buffer) => {
      printed += chunk.toString()
    })
    await once(child.stdout, 'data')
    const here: string[] = [first.number]
    const refused = new Set<string>()
    for (const [i, code] of codes.toReversed().entries()) {
      // While the other node keeps a row, or the embedded store, for too long nobody knows: a system asks
      // again.
      const taken = await until(`an answer about ${code}`, async (saw) => {
        const told = await one.take(ask(code)).catch((cause: Fault) => cause.code)
        return saw(told) !== 'consent_unknown' && told
      })
      if (typeof taken === 'object') here.push(taken.number)
      else refused.add(taken)
      if (i === 2) child.kill('SIGKILL')
    }
    await ended
    const there = printed.split('\n').filter((line) => line.length === 36)
    t.ok(there.length > 0 && here.length > 0, `${there.length} and ${here.length} of ${codes.length}`)
    t.equal(new Set([...here, ...there]).size, here.length + there.length, 'none twice')
    t.same([...refused], ['consent_used_up'])
    for (const code of codes)
      await t.rejects(
        one.take(ask(code)),
        { code: 'consent_used_up' },
        'also of which the killed node told nobody',
      )
    for (const number of there) {
      t.equal((await one.store.byNumber(number))!.uses, 1)
      t.equal((await one.store.uses(number, { limit: 9 })).length, 1)
    }
  })

  await t.test(
    'the consent in force counts, also where a clock was ahead when the one before was given',
    async (t) => {
      const one = node(t, database)
      const standing = { rule: { ...rule, kinds: ['standing' as const] } }
      world.now += DAY
      await give(one, 'AHEAD')
      world.now -= DAY
      const { number } = await give(one, 'AHEAD')
      t.match(await one.take(ask('AHEAD', standing)), { number })
      await one.store.withdraw(number, { at: iso(world.now), record: 2 })
      one.changed([number])
      await t.rejects(
        one.take(ask('AHEAD', standing)),
        { code: 'consent_ended' },
        'and no other when it is withdrawn',
      )
      await t.rejects(one.take(ask('NOBODY', standing)), { code: 'consent_missing' })
    },
  )

  await t.test('calls of one moment are counted together, and each for itself', async (t) => {
    const one = node(t, database)
    const codes = Array.from({ length: 40 }, (_, i) => `M${i}`)
    for (const code of codes) await give(one, code, { kind: 'once' })
    let transactions = 0
    const kysely = new Proxy(database.kysely, {
      get(target, name) {
        if (name === 'transaction') transactions += 1
        const value: unknown = Reflect.get(target, name, target)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
    const store = createConsentStore({ ...database, kysely })
    const clock = () => world.now
    const source = createOwnSource({ store, nameOf: one.nameOf, clock })
    const taking = createConsentTaking({ source, clock, log: quiet })
    const repeated = ask('M7')
    const outcomes = await Promise.allSettled([
      ...codes.filter((code) => code !== 'M7').map((code) => taking.take(ask(code))),
      ...[taking.take(repeated), taking.take(repeated), taking.take(ask('M-nobody'))],
      taking.take(ask('M8', { demand: 'd2' })),
    ])
    t.equal(transactions, 1)
    const failed = outcomes.flatMap((each) =>
      each.status === 'rejected' ? [(each.reason as Fault).code] : [],
    )
    t.same(
      failed,
      ['consent_used_up', 'consent_missing', 'consent_missing'],
      'nobody else has their failures',
    )
    const { number } = await give(one, 'M99')
    const again = ask('M99', { rule: daily })
    const twice = await Promise.allSettled([taking.take(again), taking.take(again)])
    t.match(twice, [{ status: 'fulfilled' }, { status: 'rejected', reason: { code: 'consent_unknown' } }])
    await t.rejects(
      taking.take(again),
      { code: 'consent_unknown' },
      'nor in the next transaction of the same moment',
    )
    t.match(await one.store.byNumber(number), { uses: 1, stretch_uses: 1 })
    t.equal((await one.store.uses(number, { limit: 9 })).length, 1, 'one use, which the person sees')
  })

  await t.test(
    'what is counted in one moment is counted in the row of each consent, as it stands',
    async (t) => {
      const one = node(t, database)
      const began = world.now
      t.teardown(() => {
        world.now = began
      })
      const given = await Promise.all(
        Array.from({ length: 21 }, async (_, i) => ({ code: `F${i}`, row: await give(one, `F${i}`) })),
      )
      const takeAll = async (calls: number[]) => {
        const outcomes = await Promise.allSettled(
          calls.flatMap((times, i) =>
            Array.from({ length: times }, () => one.take(ask(`F${i}`, { rule: daily }))),
          ),
        )
        return outcomes.map((each) => (each.status === 'rejected' ? (each.reason as Fault).code : 'taken'))
      }
      await takeAll([2])
      await takeAll([0, 1])
      world.now += DAY
      await takeAll([0, 0, 2])
      world.now += 1
      const outcomes = await takeAll([1, 2, 2, 4, ...given.slice(4).map(() => 1)])
      t.same(
        outcomes.map((code, i) => (code === 'taken' ? [] : [i, code])).filter(({ length }) => length > 0),
        [
          [4, 'consent_used_up'],
          [8, 'consent_used_up'],
        ],
      )
      const stands = async (i: number) => {
        const { uses, stretch, stretch_uses, last_use } = (await one.store.byNumber(given[i]!.row.number))!
        return [uses, stretch, stretch_uses, last_use]
      }
      const now = iso(world.now)
      const day = now.slice(0, 10)
      t.same(await stands(0), [3, day, 1, now], 'of the day before it keeps the sum alone')
      t.same(await stands(1), [3, day, 2, now])
      t.same(await stands(2), [3, day, 3, now])
      t.same(await stands(3), [3, day, 3, now])
      for (let i = 4; i < given.length; i++) t.same(await stands(i), [1, day, 1, now], `person ${i}`)
    },
  )

  await t.test('calls of many people that no number bounds are counted together, each once', async (t) => {
    const one = node(t, database)
    const subsystem = 'DEV/GOV/2000/many'
    const numbers: string[] = []
    for (let i = 0; i < 74; i++) numbers.push((await give(one, `N${i}`, { subsystem })).number)
    const at = (second: number): string => iso(world.now + 1000 * second)
    const use = (i: number, second: number): UseRow => ({
      ...{ number: numbers[i]!, time: at(second), request_id: `R-${i}-${second}`, message_id: 'Q-1' },
      ...{ service: 's', client: null, to_tell: null },
    })
    const uses = numbers.map((_, i) => use(i, 1))
    await one.store.addUses([use(0, 2), ...uses])
    await one.store.addUses([...uses.slice(0, 9), use(1, 0)])
    const countsOf = (i: number) => one.store.byNumber(numbers[i]!)
    for (const i of numbers.keys())
      t.match(await countsOf(i), { uses: i < 2 ? 2 : 1, last_use: at(i === 0 ? 2 : 1) }, `person ${i}`)
    const tables = tablesOf<Tables>(database)
    const third = tables.updateTable('consent').where('number', '=', numbers[2]!)
    await third.set({ uses: 5, last_use: at(0) }).execute()
    t.match(await countsOf(2), { uses: 6, last_use: at(1) }, 'beside those that an older version counted')
    await third.set({ last_use: at(3) }).execute()
    t.match(await countsOf(2), { uses: 6, last_use: at(3) })
    t.match(await one.store.counts(subsystem, at(0)), [{ calls: 81, given: 74, inForce: 74 }])
    for (const second of [2, 2, 1]) await one.store.giveBack(use(0, second))
    t.match(await countsOf(0), { uses: 0 })
    await one.store.withdraw(numbers[3]!, { at: at(0), record: 2 })
    await one.store.forget(at(1), iso(0))
    const left = tables
      .selectFrom('consent_calls')
      .select('number')
      .where('number', 'in', numbers.slice(2, 4))
    t.same(await left.execute(), [{ number: numbers[2]! }])
  })

  // Nothing else writes while a transaction of the embedded store is open.
  if (database.dialect === 'postgresql')
    await t.test('a row that a node keeps which has stopped holds up no call of others', async (t) => {
      const one = node(t, database)
      const codes = Array.from({ length: 9 }, (_, i) => `L${i}`)
      for (const code of codes) await give(one, code, { kind: 'once' })
      const kept = [await give(one, 'K1', { kind: 'once' }), await give(one, 'K2')]
      const stopped = await openDatabase(url)
      t.teardown(() => stopped.close())
      const keeps = Promise.withResolvers<void>()
      const goesOn = Promise.withResolvers<void>()
      const keeping = inTransaction(tablesOf<Tables>(stopped), async (transaction) => {
        const numbers = kept.map(({ number }) => number)
        await transaction
          .selectFrom('consent')
          .select('number')
          .where('number', 'in', numbers)
          .forUpdate()
          .execute()
        keeps.resolve()
        await goesOn.promise
      })
      await keeps.promise
      const ofKept = [ask('K1'), ask('K2', { rule: daily })]
      const outcomes = await Promise.allSettled(
        [...ofKept, ...codes.map((code) => ask(code))].map((call) => one.take(call)),
      )
      t.same(
        outcomes.map((each) => (each.status === 'rejected' ? (each.reason as Fault).code : 'taken')),
        ['consent_unknown', 'consent_unknown', ...codes.map(() => 'taken')],
      )
      goesOn.resolve()
      await keeping
      for (const call of ofKept) await one.take(call)
      for (const { number } of kept) t.equal((await one.store.byNumber(number))!.uses, 1)
    })

  await t.test('when too many wait, those that come are refused', async (t) => {
    const { store } = node(t, database)
    const clock = () => world.now
    const call: CallToTake = {
      ...{ person: 'nobody', client: CLIENT, contract: CONTRACT, demand: 'd1', frequency: undefined },
      use: { service: 's', client: CLIENT, request_id: 'R-1', message_id: 'Q-1', to_tell: null },
    }
    const outcomes = await Promise.allSettled(Array.from({ length: 4100 }, () => store.take(call, clock)))
    const refused = outcomes.slice(4096)
    t.match(
      refused,
      refused.map(() => ({ status: 'rejected', reason: { code: 'consent_unknown' } })),
    )
    t.same(new Set(outcomes.slice(0, 4096).map(({ status }) => status)), new Set(['fulfilled']))
    t.equal(await store.take(call, clock), undefined, 'and taken again afterwards')
  })

  await t.test('a consent that ends while its call waits is not taken', async (t) => {
    const one = node(t, database)
    const row = await give(one, 'T1', { kind: 'once' })
    const began = world.now
    t.teardown(() => {
      world.now = began
    })
    const { person, client, contract, demand } = row
    const use = { service: 's', client: null, request_id: 'R-2', message_id: 'Q-1', to_tell: null }
    const waits = one.store.take(
      { person, client, contract, demand, frequency: undefined, use },
      () => world.now,
    )
    world.now = Date.parse(row.valid_until)
    t.equal(await waits, undefined)
  })
})
