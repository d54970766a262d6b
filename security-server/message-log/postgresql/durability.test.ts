/**
 * Groups become visible to other nodes before they are durable. Until then nobody acknowledges, signs, stamps
 * or hands out anything on their strength; a crash of PostgreSQL takes back only what was not acknowledged,
 * and every node goes on from what is left.
 */
import t, { type Test } from 'tap'
import { skipFor } from '#test/outside-tools.ts'
import { hasPostgresql, startPostgresql } from '#test/postgresql.ts'
import { until } from '#test/until.ts'
import { logFolder, logOptions, openTestLog, signedRecord, spoolBody } from '../fixture.ts'
import { connected, sizeIn, twoNodes, untilTold, verifies, waiters } from './unsynced-fixture.ts'

if (hasPostgresql()) t.test('a crash between a commit and its sync', crashes)
else skipFor(t, 'PostgreSQL is not installed')
if (hasPostgresql()) t.test('a synchronous standby that is away', standby)

/** `fsync` is off, but what no process has written yet is lost with the server's memory all the same. */
async function crashes(t: Test): Promise<void> {
  const { url, folder, here, there, acknowledged, append, between, sizeNow, onSigning } = await twoNodes(t)
  await t.test('what was not acknowledged is lost, and both nodes go on from what is left', async (t) => {
    let lost = 0
    await between(t, {
      act: async (size, crash) => {
        lost = size - 1
        await crash()
        t.equal(await sizeNow(), lost, 'the group was not durable')
      },
    })
    t.equal(await append(there), lost, 'its place is free')
    t.equal(await append(here), lost + 1)
    for (const log of [here, there]) await log.closeAbandoned()
  })
  await t.test('a checkpoint is signed over what is durable', async (t) => {
    await between(t, {
      act: async (size, crash) => {
        let left = 0
        onSigning(async () => {
          await crash()
          left = await sizeNow()
        })
        await there.checkpointNow().catch(() => undefined)
        t.equal(left, size, 'the signed head covers it, and it is there')
      },
    })
  })
  await t.test('what is stamped is durable', async (t) => {
    await between(t, {
      act: async (size, crash) => {
        let left = 0
        onSigning(async () => {
          await crash()
          left = await sizeNow()
        })
        await there.timeStampNow().catch(() => undefined)
        t.equal(left, size)
      },
    })
  })
  await t.test('a record that is handed out is durable', async (t) => {
    await between(t, {
      act: async (size, crash) => {
        const { leaf } = await there.read(size - 1)
        await crash()
        t.strictSame((await untilTold(() => there.read(size - 1))).leaf, leaf)
      },
    })
  })
  await t.test('the file of an erased body goes once its erasure is durable', async (t) => {
    const body = await spoolBody(here, Buffer.alloc(2_000_000, 'x'))
    const { index } = await here.append(await signedRecord({ kind: 'reply', direction: 'out', body }))
    const order = { index, mode: 'LEAF_ONLY', case: '1', reason: 'a test' } as const
    await between(t, {
      does: () => here.retention.erase(order),
      act: async (_size, crash) => {
        const watching = await connected(url)
        const told = there.parts.erasedBodyFiles({ after: '', limit: 10, own: [] }).then(
          ({ files }) => files.length,
          () => 0,
        )
        const first = await Promise.race([told, waiters(watching, 2).then(() => 'it waits')])
        t.equal(first, 'it waits')
        await crash()
        t.equal(await told, 0)
        await watching.end().catch(() => undefined)
      },
    })
    await here.retention.erase(order)
  })

  for (const log of [here, there]) {
    await log.closeAbandoned()
    await append(log)
  }
  await here.checkpointNow()
  for (const [index, leaf] of acknowledged)
    t.equal((await there.read(index)).leaf.toString('hex'), leaf, `record ${index}`)
  await verifies(t, url, folder)
}

async function standby(t: Test): Promise<void> {
  const server = await startPostgresql([], t)
  const url = await server.freshDatabase()
  const log = await openTestLog(t, logOptions(logFolder(t), url))
  const watching = await connected(url)
  const before = await sizeIn(watching)
  const isAway = async (names: string): Promise<void> => {
    await watching.query('set synchronous_commit = local')
    await watching.query(`alter system set synchronous_standby_names = '${names}'`)
    await watching.query('select pg_reload_conf()')
    await until('its settings', async (saw) => {
      const { rows } = await watching.query<{ names: string }>(
        "select current_setting('synchronous_standby_names') as names",
      )
      return saw(rows[0]!.names) === names
    })
  }
  await isAway('nobody')
  let isAcknowledged = false
  const appending = log.append(await signedRecord()).then((logged) => {
    isAcknowledged = true
    return logged
  })
  await until('a commit that waits for the standby', async (saw) => {
    const { rows } = await watching.query<{ event: string }>(
      `select wait_event as event from pg_stat_activity where application_name = 'concordat message log'`,
    )
    return saw(rows).some(({ event }) => event === 'SyncRep')
  })
  t.equal(await sizeIn(watching), before + 1, 'the head is free, others see the record')
  t.notOk(isAcknowledged, 'it is not acknowledged: only this machine has it')
  await isAway('')
  t.equal((await appending).index, before)
  await watching.end()
}
