/** Nodes of one log that keep bodies in its database. */
import path from 'node:path'
import { buffer } from 'node:stream/consumers'
import pg from 'pg'
import type { Test } from 'tap'
import { logFolder, logOptions, signedRecord, spoolBody, type TestLog } from '../fixture.ts'

type Rows = { pieces: number; bodies: number; underWay: number }

export async function append(log: TestLog, bytes: Buffer): Promise<number> {
  const body = await spoolBody(log, bytes)
  const { index } = await log.append(await signedRecord({ body }))
  await body.discard()
  return index
}

export async function bodyOf(log: TestLog, index: number): Promise<Buffer> {
  const { attachments } = await log.container(index)
  return Buffer.concat(await Promise.all(attachments.map((one) => buffer(one.open()))))
}

export async function erase(log: TestLog, index: number): Promise<void> {
  await log.retention.erase({ index, mode: 'LEAF_ONLY', case: '7/2026', reason: 'a ruling' })
}

/** A log's database, with two folders for its nodes, and a connection to tamper with it. */
export async function world(t: Test, url: string) {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  t.teardown(() => client.end())
  const folders = [logFolder(t), logFolder(t)] as const
  const of = (node: string, folder: string, keys = folders[0]) => ({
    ...logOptions(folder, url),
    ...{ node, keyFolder: path.join(keys, 'keys'), bodyPlace: 'database' as const },
  })
  return {
    client,
    folders,
    one: of('node1', folders[0]),
    two: of('node2', folders[1]),
    rows: async (): Promise<Rows> =>
      (
        await client.query<Rows>(`select (select count(*) from body_piece)::int as pieces,
          (select count(distinct name) from body_piece)::int as bodies,
          (select count(*) from body_under_way)::int as "underWay"`)
      ).rows[0]!,
  }
}

export const NOTHING = { pieces: 0, bodies: 0, underWay: 0 }
