/**
 * A writer that stands still between the sync of a body and its commit, on nodes that share a file system: no
 * record names a file that is gone.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, rmSync, utimesSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { skipFor } from '#test/outside-tools.ts'
import { hasPostgresql, postgresql } from '#test/postgresql.ts'
import { until } from '#test/until.ts'
import { segmentFolder } from '../bodies/segment-place.ts'
import { logFolder, logOptions, openTestDatabase, openTestLog } from '../fixture.ts'
import { ownRecord } from '../formats/own-record.ts'
import { readLogKeys } from '../keys/log-keys.ts'
import { openPostgresqlStore } from '../postgresql/store.ts'
import { connected } from '../postgresql/unsynced-fixture.ts'
import { createWriter } from '../records/writer.ts'
import { createSegmentWriter } from './segment-writer.ts'

if (hasPostgresql()) t.test('a writer that stands still', standsStill)
else skipFor(t, 'PostgreSQL is not installed')

async function standsStill(t: Test): Promise<void> {
  const options = logOptions(logFolder(t), await (await postgresql()).freshDatabase())
  const one = await openTestLog(t, options)
  const { records, close } = await openTestDatabase(options.databaseUrl)
  t.teardown(close)
  const store = await openPostgresqlStore({ url: options.databaseUrl })
  t.teardown(() => store.close())
  // Two, since what others do is shown to a transaction as of its first look.
  const [client, watching] = [await connected(options.databaseUrl), await connected(options.databaseUrl)]
  t.teardown(() => Promise.all([client.end(), watching.end()]))
  const folder = segmentFolder(options.bodyFolder, 'node2')
  mkdirSync(folder, { recursive: true })
  const { current } = readLogKeys(options.keyFolder)

  /** Another node, whose commits wait for `meanwhile`: by then its bodies are in a segment, and synced. */
  const otherNode = () => {
    let meanwhile: (() => Promise<void>) | undefined
    let newest = ''
    const held: typeof store = {
      ...store,
      commit: async (q) => {
        await meanwhile?.()
        return store.commit(q)
      },
    }
    const bodies = createSegmentWriter(options.bodyFolder, 'node2')
    const writer = createWriter({ store: held, records, logKey: () => current, bodies })
    return async (act?: (segment: string) => Promise<void>): Promise<{ index: number; file: string }> => {
      const before = readdirSync(folder)
      meanwhile = async () => {
        const [segment = newest] = readdirSync(folder).filter((name) => !before.includes(name))
        newest = segment
        await act?.(segment)
      }
      const metadata = { id: randomUUID(), requestId: randomUUID(), node: 'node2' }
      const head = { kind: 'request', direction: 'in', logLevel: 'full' } as const
      const packed = { ...ownRecord({ ...head, time: Date.now(), metadata }), body: randomBytes(100_000) }
      const [result] = await writer.append([{ packed }])
      if (result === undefined || 'fault' in result) throw result?.fault
      return { index: result.index, file: path.join(folder, newest) }
    }
  }
  const standsFor20Minutes = (segment: string): void => {
    const before = new Date(Date.now() - 20 * 60_000)
    utimesSync(path.join(folder, segment), before, before)
  }
  const size = async (): Promise<number> => (await records.head()).size

  await t.test('while a start of another node sweeps', async (t) => {
    const append = otherNode()
    const before = await size()
    const late = append(async (segment) => {
      standsFor20Minutes(segment)
      await one.recover()
      t.notOk(existsSync(path.join(folder, segment)), 'nobody refers to it')
    })
    await t.rejects(late, { code: 'logging_failed', message: /another node has deleted the file of a body/ })
    t.equal(await size(), before, 'nothing is logged of it')
    t.ok(existsSync((await append()).file), 'the next body is in another segment')
  })

  await t.test('while another node deletes what was erased', async (t) => {
    const append = otherNode()
    const { index, file } = await append()
    const late = append(async (segment) => {
      t.equal(segment, path.basename(file))
      standsFor20Minutes(segment)
      await one.retention.erase({ index, mode: 'LEAF_ONLY', case: '1', reason: 'a test' })
      t.notOk(existsSync(file), 'all that others see of it is erased')
    })
    await t.rejects(late, { code: 'logging_failed' })
    t.ok(existsSync((await append()).file))
  })

  await t.test('while somebody deletes it who gives nothing up, as an older version does', async (t) => {
    const append = otherNode()
    const late = append(async (segment) => rmSync(path.join(folder, segment)))
    await t.rejects(late, { code: 'logging_failed' })
    t.ok(existsSync((await append()).file))
  })

  await t.test('and the other node too, before it deletes', async (t) => {
    const append = otherNode()
    await append()
    const late = append(async (segment) => {
      // As if the body before it had been erased.
      await client.query('delete from body_file')
      t.equal(await records.giveUpSegment(segment), true)
    })
    await t.rejects(late, { code: 'logging_failed' }, 'the file is there, for now')
    const next = append(async (segment) => {
      t.equal(await records.giveUpSegment('f'.repeat(32)), true)
      t.equal(await records.mark(`segment-given-up:${segment}`), undefined)
    })
    t.ok(existsSync((await next).file))
  })

  await t.test('with the lock of the head: the other node waits, and keeps the file', async (t) => {
    const append = otherNode()
    await client.query('begin; lock table body_file in exclusive mode')
    const waiting = async (count: number): Promise<void> => {
      await until(`${count} that wait`, async (saw) => {
        const { rows } = await watching.query<{ query: string }>(
          `select query from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
        )
        return saw(rows).length >= count
      })
    }
    let segment = ''
    const appending = append(async (its) => {
      segment = its
    })
    await waiting(1)
    const asked = records.giveUpSegment(segment)
    await waiting(2)
    await client.query('commit')
    t.ok(existsSync((await appending).file))
    t.equal(await asked, false)
  })
}
