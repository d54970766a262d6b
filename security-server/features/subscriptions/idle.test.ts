/** What a server does for rooms and one-way messages while nothing comes: it reads. */
import type { KyselyPlugin } from 'kysely'
import type { Database } from '#platform/database/open-database.ts'
import { acknowledge, DAY_MS, fetch, settle } from '../deliveries/acts-fixture.ts'
import { INBOX, onBoth, ROOM_ID, TYPE } from './subscription-fixture.ts'

const FEWEST_SECONDS = 30

await onBoth('idle servers only read', async (t, world) => {
  const { made, node } = world
  await node.operation('addEventType', { body: { roomId: ROOM_ID, name: TYPE } })
  await node.ask('POST', `/api/v1/subs/${TYPE}`, { delivery: 'PUSH', options: { inbox: INBOX } })
  await world.publish()
  await node.run('give-out-events')
  await settle(made)
  for (const { id } of await fetch(made)) await acknowledge(made, id)
  await settle(made)
  await node.run('give-out-events')

  const written: string[] = []
  const plugin: KyselyPlugin = {
    transformQuery: ({ node: statement }) => {
      if (statement.kind !== 'SelectQueryNode') written.push(statement.kind)
      return statement
    },
    transformResult: async ({ result }) => result,
  }
  const watched = (database: Database): Database => ({
    ...database,
    kysely: database.kysely.withPlugin(plugin),
  })
  const { side } = await made.node('idle', { watched })
  const rooms = await world.open('idle', (same) => same, { database: watched(made.sender.database) })
  const jobs = [...side.jobs(), ...rooms.jobs]
  const due = async (): Promise<string[]> => {
    const kinds: string[] = []
    for (const { kind, isDue } of jobs) if (isDue !== undefined && (await isDue())) kinds.push(kind)
    return kinds
  }
  t.strictSame(
    jobs.filter(({ everySeconds }) => Number(everySeconds) < FEWEST_SECONDS).map(({ kind }) => kind),
    [],
    'a job writes when it begins and ends: whatever is due sooner is looked at',
  )
  // What opening wrote.
  written.length = 0
  t.strictSame(await due(), [])
  t.strictSame(written, [], 'the looks of a second')

  await world.publish()
  await node.run('give-out-events')
  await made.sender.run('send-deliveries')
  made.world.skew += 2 * 60_000
  await side.operation('rotateDeliveryKey', { body: {} })
  t.strictSame(await due(), ['ask-delivery-receipts'], 'and what it did itself is not new to it')
  await settle(made)
  for (const { id } of await fetch(made)) await acknowledge(made, id)
  await settle(made)
  made.world.skew += 40 * DAY_MS
  t.strictSame(await due(), ['keep-up-deliveries', 'keep-up-rooms'], 'what time brings')
  for (const { kind, run } of jobs)
    await run({ id: '', kind, payload: null, attempt: 1, signal: new AbortController().signal })
  made.world.skew += 2 * 60_000
  t.strictSame(await due(), [])
})
