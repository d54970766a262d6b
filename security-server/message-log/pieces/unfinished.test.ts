/**
 * Bodies in the log's database to which no record will ever refer: none is logged with a hole, and nothing of
 * them stays.
 */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { buffer } from 'node:stream/consumers'
import t from 'tap'
import { skipFor } from '#test/outside-tools.ts'
import { hasPostgresql, postgresql, startPostgresql } from '#test/postgresql.ts'
import { until } from '#test/until.ts'
import { openLogSource } from '../../features/verification/checks/open-source.ts'
import { verifyLog } from '../../features/verification/checks/verify-log.ts'
import { openTestLog, signedRecord, spoolBody, usableAgain } from '../fixture.ts'
import { append, bodyOf, NOTHING, world } from './pieces-fixture.ts'
import { openPieceStore } from './store.ts'

if (hasPostgresql()) {
  const server = await postgresql()
  await t.test('killed at each point, a start knows what belongs to a record', async (t) => {
    const { one, two, folders, rows, client } = await world(t, await server.freshDatabase())
    const kill = async (at: string): Promise<string> => {
      const child = spawn(
        process.execPath,
        [path.join(import.meta.dirname, 'fault-child.ts'), folders[0], one.databaseUrl],
        { stdio: ['pipe', 'pipe', 'inherit'] },
      )
      let last = ''
      for await (const line of createInterface({ input: child.stdout })) {
        last = line
        if (line.startsWith(at)) child.kill('SIGKILL')
        else child.stdin.write('\n')
      }
      return last
    }
    await kill('some pieces')
    t.match(await rows(), { bodies: 1, underWay: 1 })
    const other = await openTestLog(t, two)
    await other.recover()
    await other.deleteUnusedBodies()
    t.match(await rows(), { bodies: 1, underWay: 1 }, 'another node does not touch it')
    await kill('all pieces')
    t.match(await rows(), { bodies: 2, underWay: 2 })
    const index = Number((await kill('record')).split(' ')[1])
    t.match(await rows(), { bodies: 3, underWay: 2 }, 'its starts deleted nothing yet')
    t.equal((await bodyOf(other, index)).length, 1_800_000)
    // Killed while it deleted.
    await client.query(
      `update body_under_way set given_up = 1 where name = (select min(name) from body_under_way)`,
    )
    await client.query(`delete from body_piece where start = 0 and name in (select name from body_under_way)`)
    const log = await openTestLog(t, one)
    await log.recover()
    const arriving = await spoolBody(log, randomBytes(1_200_000))
    await log.deleteUnusedBodies()
    t.match(await rows(), { bodies: 2, underWay: 1 }, 'what this process writes stays')
    t.equal((await buffer(arriving.open())).length, 1_200_000)
    t.equal((await bodyOf(other, index)).length, 1_800_000)
    await log.close()
    const { source, close } = await openLogSource(two)
    t.same((await verifyLog(source)).problems, [])
    await close()
    await other.close()
  })

  await t.test('a node that another took over and that lives logs nothing of it', async (t) => {
    const { one, two, rows } = await world(t, await server.freshDatabase())
    const log = await openTestLog(t, one)
    const other = await openTestLog(t, two)
    await log.recover()
    const whole = await spoolBody(log, randomBytes(1_200_000))
    const half = log.spool.begin({ maxBytes: 10_000_000 })
    await half.write(randomBytes(1_200_000))
    await other.takeOver('node1')
    await other.deleteUnusedBodies()
    t.same(await rows(), NOTHING)
    await t.rejects(log.append(await signedRecord({ body: whole })), { code: 'logging_failed' })
    await t.rejects(Promise.resolve(half.write(randomBytes(600_000))), { code: 'logging_failed' })
    t.same(await rows(), NOTHING, 'no piece without a body')
    await usableAgain(log)
    t.ok(await append(log, randomBytes(1_200_000)), 'it goes on')
    for (const each of [log, other]) await each.close()
  })

  await t.test('a database that is set back while bodies arrive logs none that has a hole', async (t) => {
    const { one, client, rows } = await world(t, await server.freshDatabase())
    const log = await openTestLog(t, one)
    const whole = await spoolBody(log, randomBytes(1_200_000))
    const half = log.spool.begin({ maxBytes: 10_000_000 })
    await half.write(randomBytes(1_200_000))
    const last = '(name, start) in (select name, max(start) from body_piece group by name)'
    await client.query(`delete from body_piece where ${last}`)
    await client.query(`update body_under_way u set size =
      (select sum(length(octets)) from body_piece p where p.name = u.name)`)
    await t.rejects(Promise.resolve(half.write(randomBytes(600_000))), { code: 'logging_failed' })
    await t.rejects(log.append(await signedRecord({ body: whole })), { code: 'logging_failed' })
    t.match(await rows(), { underWay: 1 }, 'what was refused while it arrived is gone')
    await log.deleteUnusedBodies()
    t.same(await rows(), NOTHING, 'and so is the other')
    await usableAgain(log)
    const bytes = randomBytes(1_200_000)
    t.ok((await bodyOf(log, await append(log, bytes))).equals(bytes), 'it goes on')
    await log.close()
  })

  await t.test(
    'a commit that failed or began late leaves nothing, and what is logged or arrives stays',
    async (t) => {
      const { one, two, client, rows } = await world(t, await server.freshDatabase())
      const log = await openTestLog(t, one)
      const other = await openTestLog(t, two)
      const bytes = randomBytes(1_200_000)
      const index = await append(log, bytes)
      const store = await openPieceStore(one.databaseUrl)
      const kept = await client.query<{ name: string }>('select name from body_file')
      await store.giveUp(kept.rows[0]!.name)
      t.ok((await bodyOf(log, index)).equals(bytes), 'a commit that was done is not undone')
      await store.close()

      await client.query(`alter table tree_head add constraint no_room check (size <= ${log.size()})`)
      const refused = await spoolBody(log, randomBytes(1_200_000))
      await t.rejects(log.append(await signedRecord({ body: refused })), { code: 'logging_failed' })
      await refused.discard()
      await client.query('alter table tree_head drop constraint no_room')
      await usableAgain(log)
      const theirs = await spoolBody(other, randomBytes(1_200_000))
      const arriving = await spoolBody(log, randomBytes(1_200_000))
      // As a statement does that was on its way when its writer gave it up.
      for (const name of ['rows.1', 'rows.2']) {
        await client.query('insert into body_under_way values ($1, $2, 3, 0)', [name, 'node1'])
        await client.query('insert into body_piece values ($1, 0, $2)', [name, Buffer.from('abc')])
      }
      await client.query(`create function refuse() returns trigger language plpgsql as
      $$ begin if old.name = 'rows.1' then raise 'it stays'; end if; return old; end $$`)
      await client.query(
        'create trigger stays before delete on body_piece for each row execute function refuse()',
      )
      await t.rejects(log.deleteUnusedBodies(), { message: /it stays/ })
      t.match(await rows(), { bodies: 4, underWay: 3 }, 'one that fails keeps no other')
      await t.resolves(log.closeAbandoned(), 'nor the closing of exchanges')
      await client.query('drop trigger stays on body_piece')
      await log.deleteUnusedBodies()
      t.match(await rows(), { bodies: 3, underWay: 2 }, 'what two nodes write is there')
      for (const body of [theirs, arriving]) t.ok(await append(log, await buffer(body.open())))
      for (const body of [theirs, arriving]) await body.discard()
      t.match(await rows(), { bodies: 3, underWay: 0 })
      for (const each of [log, other]) await each.close()
    },
  )

  await t.test('a database that fails on the way refuses the body, and nothing of it stays', async (t) => {
    const own = await startPostgresql()
    const { one, client } = await world(t, await own.freshDatabase())
    client.on('error', () => undefined)
    const log = await openTestLog(t, one)
    await log.recover()
    const writer = log.spool.begin({ maxBytes: 100_000_000 })
    await writer.write(randomBytes(1_200_000))
    await own.crash()
    await t.rejects(Promise.resolve(writer.write(randomBytes(600_000))), { code: 'logging_failed' })
    await writer.abort()
    await own.start()
    await until('a database that answers', () =>
      log.deleteUnusedBodies().then(
        () => true,
        () => undefined,
      ),
    )
    const again = await world(t, one.databaseUrl)
    t.same(await again.rows(), NOTHING)
    await log.close()
  })
} else skipFor(t, 'PostgreSQL is not installed')
