/** Many calls in one transaction: counted each for itself, never twice, also when a node is killed. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import t from 'tap'
import { migrate } from '#platform/database/migrate.ts'
import type { Fault } from '#schemas/fault.ts'
import { eachDatabase } from '#test/databases.ts'
import { consentMigrations } from './migrations.ts'
import { createOwnSource } from './own-source.ts'
import { createConsentStore } from './store.ts'
import { createConsentTaking } from './take-consent.ts'
import { ask, give, node, quiet, rule, world } from './taking-fixture.ts'

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
      const taken = await one.take(ask(code)).catch((cause: Fault) => cause.code)
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
    const taking = createConsentTaking({ source, nameOf: one.nameOf, clock, log: quiet })
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
    const daily = { ...rule, frequency: { times: 3, per: 'day' } } as const
    const { number } = await give(one, 'M99')
    const again = ask('M99', { rule: daily })
    const twice = await Promise.allSettled([taking.take(again), taking.take(again)])
    t.match(twice, [{ status: 'fulfilled' }, { status: 'rejected', reason: { code: 'consent_used_up' } }])
    await t.rejects(
      taking.take(again),
      { code: 'consent_used_up' },
      'nor in the next transaction of the same moment',
    )
    t.match(await one.store.byNumber(number), { uses: 1, stretch_uses: 1 })
    t.equal((await one.store.uses(number, { limit: 9 })).length, 1, 'one use, which the person sees')
  })
})
