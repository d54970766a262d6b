/**
 * What the systems of a subsystem may leave in its own outbox, on both stores: events and octets, dead
 * letters too.
 */
import { type Kysely, sql } from 'kysely'
import { AS_TAX, acknowledge, fetch, hand, onBoth, settle, structured } from './acts-fixture.ts'
import { unreachable } from './delivery-fixture.ts'
import { outboxFinding } from './outbox-finding.ts'
import { outboxUse, outboxWays } from './outbox-places-store.ts'

type Rows = Kysely<Record<string, Record<string, unknown>>>

await onBoth('bounds of an outbox', async (t, made) => {
  const { sender, settings } = made
  const usual = { ...settings }
  const { kysely } = sender.database as unknown as { kysely: Rows }
  const used = async () => {
    const [use] = await outboxUse(sender.database)
    return [use?.events ?? 0, use?.bytes ?? 0]
  }
  const finding = async () =>
    outboxFinding(await outboxUse(sender.database), settings, outboxWays(sender.database).fullestOf)
  const counted = async () => {
    const { rows } = await sql<{ events: number; bytes: number | null }>`
      select count(*) as events, sum(length(content)) as bytes from outbox where content is not null`.execute(
      kysely,
    )
    return rows.map(({ events, bytes }) => [Number(events), Number(bytes ?? 0)])[0]
  }
  const emptied = async (): Promise<void> => {
    Object.assign(settings, usual)
    made.way = (post) => post()
    made.world.skew += 10 * 60_000
    for (let nth = 0; nth < 4; nth++) await settle(made)
    for (const { id } of await fetch(made, '?limit=100')) await acknowledge(made, id)
    await settle(made)
  }

  await t.test('events: what is here stays, and more is refused until some went', async (t) => {
    made.way = () => Promise.reject(unreachable())
    settings.outboxEvents = 4
    const first = await hand(made, { id: 'A-1' })
    t.equal((await hand(made, { id: 'A-2' })).status, 202)
    const refused = await hand(made, { id: 'A-3' })
    t.equal(refused.status, 503)
    t.match(refused.body, { type: /outbox_full/ })
    const again = await hand(made, { id: 'A-1' })
    t.same(
      [again.status, again.body['id']],
      [first.status, first.body['id']],
      'a repetition is answered as before',
    )
    t.strictSame(await used(), await counted())
    t.equal((await used())[0], 2)
    t.match(
      refused.body['message'],
      /2 messages of \S+ wait for \S+assessments, and what is free is for its other/,
    )
    t.match(await finding(), {
      ok: true,
      reason:
        /2 messages of DEV:GOV:1000:tax with \d+ octets wait in the outbox for DEV:GOV:2000:population:assessments, nearly/,
    })
    settings.outboxEvents = 2
    t.match(await finding(), {
      ok: true,
      reason: /2 messages of DEV:GOV:1000:tax with \d+ octets wait in the outbox, of 2/,
    })
    settings.outboxEvents = 6
    t.strictSame(await finding(), { ok: true }, 'long before it')
    t.equal((await hand(made, { id: 'A-3' })).status, 202)
    await emptied()
    t.strictSame(await used(), [0, 0])
    t.strictSame(await counted(), [0, 0])
  })

  await t.test('octets, and many at once', async (t) => {
    made.way = () => Promise.reject(unreachable())
    settings.outboxBytes = 40_000
    const data = 'x'.repeat(6_000)
    const given = await Promise.all(
      Array.from({ length: 8 }, (_, i) => hand(made, { id: `B-${i}`, data, partitionkey: 'one lane' })),
    )
    t.equal(given.filter(({ status }) => status === 202).length, 3)
    t.equal(given.filter(({ status }) => status === 503).length, 5)
    t.strictSame(await used(), await counted())
    await emptied()
    t.strictSame(await used(), [0, 0])
  })

  await t.test('a receiver that takes nothing stops no message to another one', async (t) => {
    const service = 'DEV/GOV/2000/population/others'
    made.otherInboxes = { others: 'inbox:' }
    const others = (id: string) =>
      sender.ask(
        'POST',
        `/deliveries/v1/${service}`,
        { ...AS_TAX, 'content-type': 'application/cloudevents+json' },
        structured({ id }),
      )
    made.way = () => Promise.reject(unreachable())
    settings.outboxEvents = 8
    const upTo = async (send: (nth: number) => Promise<{ status: number }>): Promise<number> => {
      for (let nth = 0; nth <= 8; nth++) if ((await send(nth)).status !== 202) return nth
      return 9
    }
    t.equal(await upTo((nth) => hand(made, { id: `E-${nth}` })), 4, 'one alone has half')
    t.equal(await upTo((nth) => others(`E-${nth}`)), 2, 'the next one half of what is left')
    t.match(
      (await others('E-2')).body['message'],
      /2 messages of DEV\/GOV\/1000\/tax wait for \S+others, and/,
    )
    t.strictSame(await used(), await counted())
    settings.outboxEvents = 6
    made.otherInboxes = { others: 'inbox:', third: 'inbox:' }
    const third = await sender.ask(
      'POST',
      '/deliveries/v1/DEV/GOV/2000/population/third',
      { ...AS_TAX, 'content-type': 'application/cloudevents+json' },
      structured({ id: 'E-9' }),
    )
    t.equal(third.status, 503)
    t.match(third.body['message'], /all places of \S+ are taken, most by messages to \S+assessments/)
    await emptied()
  })

  await t.test('dead letters keep their places until they are discarded', async (t) => {
    made.way = () => Promise.reject(unreachable())
    await hand(made, { id: 'C-1' })
    await settle(made)
    await kysely.updateTable('outbox').set({ state: 'dead' }).where('state', '=', 'waiting').execute()
    settings.outboxEvents = 1
    t.equal((await hand(made, { id: 'C-2' })).status, 503)
    const [dead] = await kysely.selectFrom('outbox').select('position').where('state', '=', 'dead').execute()
    const body = { box: 'outbox', positions: [Number(dead!['position'])], reason: 'nobody needs it' }
    t.strictSame(await sender.operation('discardDeliveries', { body }), { discarded: 1 })
    t.strictSame(await used(), [0, 0])
    t.equal((await hand(made, { id: 'C-2' })).status, 202)
    await emptied()
    t.strictSame(await used(), await counted())
  })

  await t.test('what a crash left half accepted gives its place back', async (t) => {
    await sender.restart((rooms) => ({
      ...rooms,
      messageLog: { ...rooms.messageLog, append: () => Promise.reject(new Error('the log is away')) },
    }))
    await hand(made, { id: 'D-1' })
    t.equal((await used())[0], 1)
    await sender.restart()
    made.world.skew += 61_000
    await sender.run('keep-up-deliveries')
    t.strictSame(await used(), [0, 0])
    t.strictSame(await counted(), [0, 0])
  })
})
