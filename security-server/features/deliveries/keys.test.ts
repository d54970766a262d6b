/**
 * The keys that messages wait under and are named by: what a copy of the database shows, rotation, several
 * nodes, loss; on both stores.
 */
import { hash } from 'node:crypto'
import { chmodSync, mkdirSync, readdirSync, renameSync } from 'node:fs'
import path from 'node:path'
import type { Kysely } from 'kysely'
import { asSent } from '#test/as-sent.ts'
import {
  AS_TAX,
  acknowledge,
  fetch,
  hand,
  onBoth,
  refreshed,
  settle,
  stateOf,
  structured,
} from './acts-fixture.ts'
import { type DeliveryWorld, unreachable } from './delivery-fixture.ts'

type Rows = Kysely<Record<string, Record<string, unknown>>>
type Key = { id: string; isCurrent: boolean; isHere: boolean; messages: number }

/** The key of names waits under a key too. */
const NAMES = 1
const CODE = 'EE38001085718'
const CLIENT = 'DEV/GOV/1000/tax'
const SERVICE = 'DEV/GOV/2000/population/assessments'
/** What an earlier version named rows by. */
const plain = (parts: string[]): string => hash('sha256', JSON.stringify(parts), 'base64')

await onBoth('keys of deliveries', async (t, made) => {
  const { sender, receiver } = made
  const kysely = (side: typeof sender): Rows => (side.database as unknown as { kysely: Rows }).kysely
  const rowsOf = (side: typeof sender, box: string) => kysely(side).selectFrom(box).selectAll().execute()
  /** In the order in which they were handed over: an attempt writes its row anew, and behind the others. */
  const sentOf = (side: typeof sender) =>
    kysely(side).selectFrom('outbox').selectAll().orderBy('position').execute()
  const keysOf = async (side: typeof sender) => (await side.operation('getDeliveryKeys', {})) as Key[]
  const emptied = async (): Promise<unknown[]> => {
    const data: unknown[] = []
    for (let round = 0; round < 3; round++) {
      await settle(made)
      for (let events = await fetch(made); events.length > 0; events = await fetch(made))
        for (const { id, event } of events) {
          data.push(event.data)
          await acknowledge(made, id)
        }
    }
    return data
  }

  await t.test('nobody guesses a partition key from a copy of a database', async (t) => {
    const text = structured({ id: `about ${CODE}`, partitionkey: CODE, data: 'guess' })
    await hand(made, text)
    await settle(made)
    const guesses = [CODE, `about ${CODE}`].flatMap((name) =>
      ['sha256', 'sha512'].flatMap((algorithm) =>
        [name, [CLIENT, SERVICE, 'partition', name], [CLIENT, SERVICE, '/tax', name]].map((of) =>
          hash(algorithm, typeof of === 'string' ? of : JSON.stringify(of), 'base64'),
        ),
      ),
    )
    for (const [side, box] of [
      [sender, 'outbox'],
      [receiver, 'inbox'],
    ] as const) {
      const texts = JSON.stringify(await rowsOf(side, box))
      for (const guess of [CODE, ...guesses]) t.notOk(texts.includes(guess), `${box} shows ${guess}`)
      const [key] = await rowsOf(side, 'delivery_name_key')
      t.ok(Buffer.from(key!['sealed'] as Buffer).length > 60, 'sealed')
      const [file] = readdirSync(side.keyFolder)
      t.ok(file!.includes(String(key!['key_id'])), 'under a key outside the database')
    }
    t.strictSame(await emptied(), ['guess'])
  })

  await t.test('rows that an earlier version named are recognised, and keep their lanes', async (t) => {
    made.way = () => Promise.reject(unreachable())
    const first = structured({ id: 'O-1', partitionkey: CODE, data: 1 })
    const { id } = (await hand(made, first)).body
    await hand(made, { id: 'O-2', partitionkey: CODE, data: 2 })
    await hand(made, { id: 'O-3', data: 'alone' })
    for (const [eventId, partition] of [
      ['O-1', CODE],
      ['O-2', CODE],
      ['O-3', undefined],
    ] as const) {
      const row = (await sentOf(sender)).find((one) => one['state'] === 'waiting' && one['named_by'] !== '')
      const key = plain([CLIENT, SERVICE, '/tax', eventId])
      const lane = partition === undefined ? key : plain([CLIENT, SERVICE, 'partition', partition])
      await kysely(sender)
        .updateTable('outbox')
        .set({ event_key: key, lane, named_by: '' })
        .where('position', '=', row!['position'])
        .execute()
    }
    await sender.restart()
    for (const row of await rowsOf(sender, 'outbox')) {
      t.not(row['named_by'], '')
      t.notOk(JSON.stringify(row).includes(plain([CLIENT, SERVICE, 'partition', CODE])))
    }
    t.equal((await hand(made, first)).body['id'], id, 'a repetition')
    const [one, other] = await sentOf(sender)
    const name = one!['event_key']
    // As between two nodes of which one knows a new key of names before the other.
    await kysely(sender)
      .updateTable('outbox')
      .set({ event_key: 'of a key that was given up', named_by: '' })
      .where('position', '=', one!['position'])
      .execute()
    const otherName = other!['event_key']
    await kysely(sender)
      .updateTable('outbox')
      .set({ event_key: name })
      .where('position', '=', other!['position'])
      .execute()
    await sender.restart()
    const names = new Map((await rowsOf(sender, 'outbox')).map((row) => [row['position'], row['event_key']]))
    t.equal(names.get(one!['position']), 'of a key that was given up', 'it starts all the same')
    t.equal(names.get(other!['position']), name)
    for (const [row, event_key] of [
      [other, otherName],
      [one, name],
    ] as const)
      await kysely(sender)
        .updateTable('outbox')
        .set({ event_key })
        .where('position', '=', row!['position'])
        .execute()
    await hand(made, { id: 'O-4', partitionkey: CODE, data: 3 })
    made.way = (post) => post()
    const arrived = await emptied()
    t.strictSame(
      arrived.filter((data) => data !== 'alone'),
      [1, 2, 3],
    )
    t.equal(arrived.length, 4)
    t.equal(await stateOf(made, id), 'consumed')
  })

  await t.test('a rotated key: what waits still goes, in its order, and is known again', async (t) => {
    made.way = () => Promise.reject(unreachable())
    const first = structured({ id: 'K-1', partitionkey: 'k', data: 1 })
    const { id } = (await hand(made, first)).body
    const [before] = await keysOf(sender)
    const resealed: string[] = []
    const { eventSeals } = sender.offers()
    eventSeals.addHolder({
      ...{ sealedWith: async () => 0, dropSealedWith: async () => 0 },
      reseal: async () => void resealed.push(eventSeals.keys.current),
    })
    const rotated = (await sender.operation('rotateDeliveryKey', { body: undefined })) as {
      body: { id: string; removed: number }
    }
    t.match(rotated.body, { removed: 0 })
    t.strictSame(resealed, [rotated.body.id], 'what is to stay is sealed with the new one')
    t.not(rotated.body.id, before!.id)
    t.equal((await hand(made, first)).body['id'], id, 'a repetition')
    await hand(made, { id: 'K-2', partitionkey: 'k', data: 2 })
    await sender.restart()
    t.equal((await hand(made, first)).body['id'], id, 'also after a start')
    t.match(await keysOf(sender), [
      { id: before!.id, isCurrent: false, isHere: true },
      { id: rotated.body.id, isCurrent: true, isHere: true, messages: 1 + NAMES },
    ])
    const [names] = await rowsOf(sender, 'delivery_name_key')
    t.equal(names!['key_id'], rotated.body.id, 'the key of names is under the new one')
    made.way = (post) => post()
    t.strictSame(await emptied(), [1, 2])
    await receiver.operation('rotateDeliveryKey', { body: undefined })
    const again = structured({ id: 'K-3', data: 'once' })
    await hand(made, again)
    t.strictSame(await emptied(), ['once'])
  })

  await t.test(
    'a rotation that ends early: the key of names is counted, and the next start seals it anew',
    async (t) => {
      const under = async () => (await rowsOf(sender, 'delivery_name_key'))[0]!['key_id']
      const [before] = (await keysOf(sender)).filter(({ isCurrent }) => isCurrent)
      const reseal = () => Promise.reject(new Error('it crashed'))
      await sender.restart((rooms) => ({
        ...rooms,
        names: Object.create(rooms.names, { reseal: { value: reseal } }) as typeof rooms.names,
      }))
      await t.rejects(sender.operation('rotateDeliveryKey', { body: undefined }), { message: 'it crashed' })
      t.equal(await under(), before!.id)
      const inBetween = (await keysOf(sender)).find(({ id }) => id === before!.id)
      t.match(inBetween, { isCurrent: false, messages: before!.messages }, 'it is needed as before')
      const again = structured({ id: 'C-1', data: 'known' })
      const { id } = (await hand(made, again)).body
      await sender.restart()
      const after = await keysOf(sender)
      t.equal(await under(), after.find(({ isCurrent }) => isCurrent)!.id)
      t.match(
        after.find((one) => one.id === before!.id),
        { isCurrent: false, messages: before!.messages - NAMES },
        'by names no more',
      )
      t.equal((await hand(made, again)).body['id'], id, 'a repetition')
      t.strictSame(await emptied(), ['known'])
    },
  )

  const away = (side: DeliveryWorld['sender'], file: (name: string) => boolean): (() => void) => {
    const to = `${side.keyFolder}-away`
    mkdirSync(to, { recursive: true })
    for (const name of readdirSync(side.keyFolder).filter(file))
      renameSync(path.join(side.keyFolder, name), path.join(to, name))
    return () => {
      for (const name of readdirSync(to)) renameSync(path.join(to, name), path.join(side.keyFolder, name))
    }
  }

  await t.test('a node without the keys makes none, takes nothing, and says which to copy', async (t) => {
    const waits = (await hand(made, { id: 'N-1', data: 'waits' })).body['id']
    const back = away(sender, () => true)
    await sender.restart()
    t.match(await hand(made, { id: 'N-2' }), { status: 503, body: { type: 'delivery_key_missing' } })
    await sender.run('send-deliveries')
    t.strictSame(readdirSync(sender.keyFolder), [])
    t.match(asSent(await sender.finding()), { ok: false, reason: (await keysOf(sender)).at(-1)!.id })
    await t.rejects(sender.operation('rotateDeliveryKey', { body: undefined }), {
      code: 'delivery_key_missing',
    })
    back()
    await sender.run('read-delivery-keys')
    t.strictSame(await sender.finding(), { ok: true })
    t.equal((await hand(made, { id: 'N-2', data: 'now' })).status, 202)
    t.strictSame((await emptied()).sort(), ['now', 'waits'])
    t.equal(await stateOf(made, waits), 'consumed')

    const unread = away(receiver, () => true)
    await receiver.restart()
    const { id } = (await hand(made, { id: 'N-3', data: 'later' })).body
    await settle(made)
    t.equal(await stateOf(made, id), 'waiting', 'the inbox took nothing')
    unread()
    await receiver.run('read-delivery-keys')
    t.strictSame(await emptied(), ['later'])
  })

  await t.test('a lost key is given up by command; what other keys open goes on', async (t) => {
    made.way = () => Promise.reject(unreachable())
    const lost = (await hand(made, { id: 'G-1', partitionkey: 'g', data: 'lost' })).body['id']
    const [old] = (await keysOf(sender)).filter(({ isCurrent }) => isCurrent)
    await sender.operation('rotateDeliveryKey', { body: undefined })
    const kept = structured({ id: 'G-2', partitionkey: 'g', data: 'kept' })
    const { id } = (await hand(made, kept)).body
    const give = (ids: string[]) =>
      sender.operation('rotateDeliveryKey', { body: { lost: { ids, reason: 'the disk is gone' } } })
    await t.rejects(give([old!.id]), { code: 'conflict' }, 'it is here')
    await t.rejects(give(['0123456789abcdef']), { code: 'not_found' })
    away(sender, (name) => name.includes(old!.id))
    await sender.restart()
    t.match(asSent(await sender.finding()), { ok: false, reason: old!.id })
    const { body } = (await give([old!.id])) as { body: { removed: number } }
    t.ok(body.removed >= 1)
    t.strictSame(await sender.finding(), { ok: true })
    t.equal((await sender.ask('GET', `/deliveries/v1/sent/${String(lost)}`, AS_TAX)).status, 404)
    made.way = (post) => post()
    t.strictSame(await emptied(), ['kept'], 'it is the first of its lane now')
    t.equal((await hand(made, kept)).body['id'], id)

    // Also the key of names: those of what is left are made anew.
    made.way = () => Promise.reject(unreachable())
    const last = (await keysOf(sender)).map((key) => key.id)
    away(sender, () => true)
    await sender.restart()
    await give(last)
    t.equal((await keysOf(sender)).length, 1)
    t.equal((await hand(made, { id: 'G-3', data: 'new' })).status, 202)
    made.way = (post) => post()
    made.world.skew += 11 * 60_000
    await refreshed(made)
    t.strictSame(await emptied(), ['new'])
  })

  await t.test('a key that others can read is refused', async (t) => {
    const [name] = readdirSync(sender.keyFolder)
    chmodSync(path.join(sender.keyFolder, name!), 0o644)
    await t.rejects(sender.restart(), { code: 'io_error' })
    chmodSync(path.join(sender.keyFolder, name!), 0o600)
    await sender.restart()
  })
})
