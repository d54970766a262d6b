/**
 * Rows that become messages and messages that call statements, on three databases, with the deliveries of two
 * real servers.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import type { SecurityServer } from '#adapters/client/index.ts'
import { emptyFolder, ownAddress } from '#adapters/kit/kit-fixture.ts'
import { consumed, INBOX, openEnds } from '#adapters/kit/messages/ends-fixture.ts'
import { readWorkerSettings } from '#adapters/kit/serve-worker.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { createMetrics } from '#platform/metrics/create-metrics.ts'
import { settle } from '#security-server/features/deliveries/acts-fixture.ts'
import { until } from '#test/until.ts'
import { eachKind } from '../databases-fixture.ts'
import { type MessageStore, openMessageStore } from './message-store.ts'
import { openSqlMessages, sqlMessages } from './worker.ts'

type Arm = Parameters<typeof openSqlMessages>[1]

async function startMessages(t: Test, settings: object, arm?: Arm) {
  const file = path.join(emptyFolder(t), 'settings.yaml')
  writeFileSync(file, JSON.stringify({ monitoring: { address: ownAddress() }, pollMs: 100, ...settings }))
  const lines: string[] = []
  const log = createLog({
    name: 'test',
    level: 'info',
    destination: { write: (line) => void lines.push(line) },
  })
  const checked = await readWorkerSettings(sqlMessages, file, {})
  const running = await openSqlMessages({ settings: checked, log, metrics: createMetrics() }, arm)
  let stopped: Promise<void> | undefined
  const stop = (): Promise<void> => (stopped ??= running.close())
  t.teardown(stop)
  return { running, stop, lines }
}

/**
 * Lets `left` transactions and hand-overs through; the last of them happens, and nobody hears of it, nor does
 * anything after it.
 */
function dying(left: number) {
  const dead = Promise.withResolvers<void>()
  let steps = 0
  const step = async <T>(act: () => Promise<T>): Promise<T> => {
    if (steps >= left) throw new Error('killed')
    const result = await act()
    if (++steps < left) return result
    dead.resolve()
    throw new Error('killed')
  }
  const arm: Arm = ({ store, server }) => ({
    store: { ...store, inTransaction: (act) => step(() => store.inTransaction(act)) } as MessageStore,
    server: {
      ...server,
      send: (...q: Parameters<SecurityServer['send']>) => step(() => server.send(...q)),
      inbox: (id: string) => {
        const inbox = server.inbox(id)
        return {
          ...inbox,
          work: ((handle, options) =>
            inbox.work(async (event, context) => {
              const { acknowledge, giveBack } = event
              event.acknowledge = (...q) => step(() => acknowledge(...q))
              event.giveBack = (...q) => step(() => giveBack(...q))
              await handle(event, context)
            }, options)) as typeof inbox.work,
        }
      },
    },
  })
  return { arm, dead: dead.promise }
}

await eachKind(t, async (t, kind, database) => {
  const ends = await openEnds(t)
  const ddl = readFileSync(
    path.join(import.meta.dirname, `../../../docs/examples/outbox-${kind}.sql`),
    'utf8',
  )
  for (const statement of ddl.replace(/^--.*$/gm, '').split(';'))
    if (statement.trim() !== '') await database.run(statement)
  await database.run('create table answer (person varchar(50), amount decimal(40,10), said varchar(500))')
  if (kind === 'mariadb') {
    await database.run('create user messages@localhost')
    await database.run('grant select, insert, update, delete on register.* to messages@localhost')
  }
  const own = { ...database.settings, ...(kind === 'mariadb' && { user: 'messages' }) }
  const look = openMessageStore(own, 60_000)
  t.teardown(() => look.close())
  const rows = (text: string): Promise<unknown[][]> => look.inTransaction((run) => run({ text, values: [] }))
  const count = async (where: string): Promise<number> =>
    Number((await rows(`select count(*) from concordat_outbox where ${where}`))[0]![0])
  const put = (
    id: string,
    more: { key?: string; data?: string; inbox?: string; type?: string } = {},
  ): Promise<void> =>
    database.run(`insert into concordat_outbox (inbox, event_id, event_type, ordering_key, data)
      values ('${more.inbox ?? INBOX}', '${id}', '${more.type ?? 'x'}', ${more.key === undefined ? 'null' : `'${more.key}'`}, '${more.data ?? '{}'}')`)
  const arrived = async () => {
    await settle(ends.made)
    const events = await ends.population.inbox(INBOX).fetch({ limit: 100 })
    for (const one of events) await one.acknowledge()
    return events
  }
  const tax = { securityServer: { url: ends.urls.tax, client: 'DEV/GOV/1000/tax' }, database: own }
  const population = {
    securityServer: { url: ends.urls.population, client: 'DEV/GOV/2000/population' },
    database: own,
  }
  const outbox = { eventSource: '/tax' }

  await t.test('rows are sent in order per key, and go when they are accepted', async (t) => {
    for (let n = 0; n < 12; n++) await put(`A-${n}`, { key: `k${n % 2}`, data: `{"n": ${n}.50, "ä": "''"}` })
    await database.run(
      `insert into concordat_outbox (inbox, event_type, content_type, data) values ('${INBOX}', 'x', 'text/plain', 'hello')`,
    )
    const { stop } = await startMessages(t, { ...tax, outbox })
    await until('the table is empty', async (saw) => saw(await count('1 = 1')) === 0)
    const events = await arrived()
    t.equal(events.length, 13)
    for (const key of [0, 1])
      t.strictSame(
        events.filter(({ event }) => event.partitionkey === `k${key}`).map(({ event }) => event.id),
        Array.from({ length: 6 }, (_, n) => `A-${n * 2 + key}`),
      )
    t.match(
      Buffer.from(events.find(({ event }) => event.id === 'A-3')!.bytes).toString(),
      `"data":{"n": 3.50, "ä": "'"}`,
    )
    t.match(events.find(({ event }) => event.partitionkey === undefined)!.event, {
      data: 'hello',
      source: '/tax',
    })
    await stop()
  })

  await t.test('what is refused stays with the reason; what waits for a right stays waiting', async (t) => {
    const { running, stop } = await startMessages(t, { ...tax, outbox: { ...outbox, after: 'mark' } })
    await put('A-1', { data: '{"other": true}' })
    await put('B-1')
    await put('B-2', { data: `"${'x'.repeat(100_001)}"` })
    await put('B-3', { inbox: 'room:DEV/GOV/1/nobody/events' })
    await until('they have states', async () => (await count("state = 'waiting'")) === 0)
    const states = await rows('select event_id, state, reason from concordat_outbox order by position')
    t.match(states, [
      ['A-1', 'refused', /same source and id/],
      ['B-1', 'accepted', null],
      ['B-2', 'refused', /octets/],
      ['B-3', 'refused', /not one of DEV.GOV.1000.tax/],
    ])
    await database.run('delete from concordat_outbox')
    await put('C-1', { inbox: 'DEV/GOV/1/nobody/assessments' })
    await until('operators hear of it', async (saw) => saw(await running.health['accepted']!()).ok === false)
    t.equal(await count("state = 'waiting'"), 1)
    await stop()
    await database.run('delete from concordat_outbox')
    await arrived()
  })

  await t.test('rows of inboxes that take nothing hold up no others', async (t) => {
    const limits = { rows: 2, atOnce: 2 }
    const { running, stop } = await startMessages(t, { ...tax, outbox, limits })
    const nobody = ['nobody', 'nobody2'].map((one) => `DEV/GOV/1/${one}/assessments`)
    for (let n = 0; n < 4; n++) await put(`N-${n}`, { inbox: nobody[n % 2]!, key: 'k' })
    await put('none', { inbox: 'nonsense' })
    for (let n = 0; n < 4; n++) await put(`D-${n}`, { key: 'k' })
    await until('the others went', async (saw) => saw(await count("event_id like 'D-%'")) === 0)
    t.equal(await count("event_id like 'N-%' and state = 'waiting'"), 4)
    t.match(await rows("select state, reason from concordat_outbox where event_id = 'none'"), [
      ['refused', /inbox needs 5 codes/],
    ])
    t.match(await running.health['accepted']!(), { ok: false, reason: /^DEV\/GOV\/1\/nobody/ })
    await database.run('delete from concordat_outbox')
    await until('it is well again', async (saw) => saw(await running.health['accepted']!()).ok)
    t.strictSame(
      (await arrived()).map(({ event }) => event.id),
      ['D-0', 'D-1', 'D-2', 'D-3'],
    )
    await stop()
  })

  await t.test('killed after any step, each row is one event', async (t) => {
    for (let nth = 1; nth <= 5; nth++) {
      await put(`K-${nth}-1`, { key: 'k' })
      await put(`K-${nth}-2`, { key: 'k' })
      const { arm, dead } = dying(nth)
      const doomed = await startMessages(t, { ...tax, outbox }, arm)
      await dead
      await doomed.stop()
      const { stop } = await startMessages(t, { ...tax, outbox })
      await until('the table is empty', async (saw) => saw(await count('1 = 1')) === 0)
      await stop()
      t.strictSame(
        (await arrived()).map(({ event }) => event.id),
        [`K-${nth}-1`, `K-${nth}-2`],
        `killed after step ${nth}`,
      )
    }
  })

  const way = {
    ...{ name: 'answers', inbox: INBOX, values: { person: '/person', amount: '/amount' } },
    statement: 'insert into answer (person, amount, said) values (:person, :amount, :data)',
  }
  const answers = (): Promise<unknown[][]> => rows('select person, amount, said from answer order by said')
  const send = async (id: string, data: string): Promise<string> => {
    const text = `{"specversion":"1.0","id":"${id}","source":"/tax","type":"x","data":${data}}`
    const sent = await ends.tax.send(INBOX, new TextEncoder().encode(text))
    await settle(ends.made)
    return sent.id
  }

  await t.test('an event calls the statement, with nothing but bound values', async (t) => {
    const { stop } = await startMessages(t, { ...population, receive: [way] })
    const hostile = `"x'); drop table answer; --"`
    await consumed(ends, await send('in-1', `{"person":${hostile},"amount":1234567890123456789.25}`))
    const [found, ...others] = await answers()
    t.strictSame(others, [])
    t.equal(found![0], JSON.parse(hostile))
    if (kind !== 'sqlite') t.match(String(found![1]), /^1234567890123456789\.250*$/, 'no digit is lost')
    await stop()
    await database.run('delete from answer')
  })

  await t.test('numbers are those of the sender, also within objects', async (t) => {
    await database.run('delete from answer')
    const text = '{"k":12345678901234567890,"a":[1.10,-0,1e400],"numeral":{"numeral":"12; x"}}'
    const { stop } = await startMessages(t, {
      ...population,
      receive: [
        {
          ...way,
          statement: way.statement.replace(':data', ':whole'),
          values: { ...way.values, whole: '/o' },
        },
      ],
    })
    await consumed(ends, await send('numbers', `{"person":{"numeral":"1"},"amount":1,"o":${text}}`))
    t.strictSame(
      (await rows('select person, said from answer')).map(([person, said]) => [String(person), String(said)]),
      [['{"numeral":"1"}', text]],
    )
    await stop()
    await database.run('delete from answer')
  })

  await t.test('killed after any step, the statement is carried out once', async (t) => {
    for (const nth of [1, 2]) {
      const delivery = await send(`dead-${nth}`, `{"person":"P${nth}","amount":${nth}}`)
      const { arm, dead } = dying(nth)
      const doomed = await startMessages(t, { ...population, receive: [way] }, arm)
      await dead
      await doomed.stop()
      ends.made.world.skew += 61_000
      const { stop } = await startMessages(t, { ...population, receive: [way] })
      await consumed(ends, delivery)
      await stop()
    }
    t.strictSame(
      (await answers()).map(([person]) => person),
      ['P1', 'P2'],
    )
  })

  await t.test('a statement that fails changes nothing, and is tried again', async (t) => {
    await database.run('delete from answer')
    const two = {
      ...way,
      statement: 'insert into answer (person, amount, said) values (:person, :amount, :missing)',
      values: { ...way.values, missing: '/x' },
    }
    await database.run('alter table answer rename to answer_away')
    const delivery = await send('fails', '{"person":"P9","amount":9}')
    const { running, stop } = await startMessages(t, { ...population, receive: [two] })
    await until('operators hear of it', async (saw) => saw(await running.health['answers']!()).ok === false)
    t.strictSame(await rows("select delivery from concordat_inbox where delivery = 'x'"), [])
    await database.run('alter table answer_away rename to answer')
    await consumed(ends, delivery)
    t.strictSame(
      (await answers()).map(([person, , said]) => [person, said]),
      [['P9', null]],
    )
    await stop()
  })

  await t.test('a database that is away loses nothing', async (t) => {
    await put('W-1')
    await database.away()
    const { stop } = await startMessages(t, { ...tax, outbox })
    await database.back()
    await until('the row was sent', async () => (await arrived()).some(({ event }) => event.id === 'W-1'))
    await stop()
  })
})

t.test('settings that make no sense are named', async (t) => {
  const way = { name: 'a', inbox: INBOX, statement: 'insert into a values (:x)' }
  const common = {
    securityServer: { url: 'http://127.0.0.1', client: 'A/B/C/D' },
    database: { kind: 'sqlite', file: 'x' },
  }
  const wrong: [object, RegExp][] = [
    [{}, /receive is empty/],
    [{ receive: [way] }, /uses :x, which is neither/],
    [{ receive: [{ ...way, values: { x: '/x', id: '/id' } }] }, /another name for the value id/],
    [{ receive: [{ ...way, statement: 'select 1; select 2' }] }, /more than one statement/],
    [{ receive: [{ ...way, statement: 'select $1' }] }, /uses \$/],
    [
      {
        receive: [
          { ...way, values: { x: '/' } },
          { ...way, values: { x: '/' } },
        ],
      },
      /another one/,
    ],
    [
      {
        outbox: { eventSource: '/a' },
        database: { kind: 'mariadb', host: 'db.example', name: 'a', user: 'b' },
      },
      /another machine/,
    ],
  ]
  for (const [settings, what] of wrong)
    await t.rejects(startMessages(t, { ...common, ...settings }), { message: what })
})
