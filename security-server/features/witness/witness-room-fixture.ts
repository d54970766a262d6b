/**
 * For tests: a real message log with witnesses over HTTP, and the attacks that are possible with the database
 * and the log key.
 */
import { randomInt } from 'node:crypto'
import { rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import type { Test } from 'tap'
import { createCompactRange } from '#core/merkle/compact-range.ts'
import { migrate } from '#platform/database/migrate.ts'
import { openDatabase, tablesOf } from '#platform/database/open-database.ts'
import { createHttpService } from '#platform/http-service/create-http-service.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { createWitnessClient } from '#platform/witness/client.ts'
import { createWitness } from '#platform/witness/create-witness.ts'
import { createOwnWitnesses } from '#platform/witness/own-witnesses.ts'
import { witnessRoutes } from '#platform/witness/routes.ts'
import { createWitnessStore, witnessMigrations } from '#platform/witness/store.ts'
import { openWitnessKey } from '#platform/witness/witness-key.ts'
import { idText } from '#schemas/identifiers.ts'
import {
  logFolder,
  logOptions,
  openFullLog,
  SERVER,
  signedRecord,
  signer,
  type TestLog,
} from '../../message-log/fixture.ts'
import { encodePeaks } from '../../message-log/hot-store.ts'
import type { IndexTables } from '../../reading/index/tables.ts'
import { readPolicy } from './policy.ts'

export const silent = createLog({ name: 'test', level: 'silent' })

/**
 * A witness with its own database, at an address where nobody else takes its port while it is stopped. It can
 * be stopped and started again.
 */
export async function startWitness(t: Test, name: string) {
  const folder = logFolder(t)
  const database = await openDatabase(`sqlite:${path.join(folder, 'witness.db')}`)
  await migrate(database, witnessMigrations)
  const store = createWitnessStore(database)
  const key = await openWitnessKey({ file: path.join(folder, 'witness-key.pem'), name, store })
  const witness = createWitness({
    store,
    key,
    clock: Date.now,
    accepts: async () => true,
    readStatement: async (bytes) => JSON.parse(bytes.toString()) as { origin: string; logKey: string },
    onContradiction: () => undefined,
  })
  const host = `127.${randomInt(1, 255)}.${randomInt(1, 255)}.${randomInt(1, 255)}`
  let port = 0
  const listen = async () => {
    const app = createHttpService({ name: 'witness', log: silent })
    witnessRoutes(app, { prefix: '/witness', witness })
    await app.listen({ host, port })
    port = (app.server.address() as AddressInfo).port
    return app
  }
  let app = await listen()
  t.teardown(async () => {
    await app.close()
    await database.close()
  })
  return {
    store,
    verifierKey: witness.verifierKey,
    url: `http://${host}:${port}/witness`,
    stop: () => app.close(),
    start: async () => {
      app = await listen()
    },
  }
}

export async function createWitnessedLog(t: Test, url: string) {
  const folder = logFolder(t)
  const { memberSigner } = await signer()
  const options = { ...logOptions(folder, url), signer: memberSigner }
  const [registry, partner] = [
    await startWitness(t, 'registry.example'),
    await startWitness(t, 'partner.example'),
  ]
  const policyText = `witness registry ${registry.verifierKey} ${registry.url}
witness partner ${partner.verifierKey} ${partner.url}
group both 2 registry partner
quorum both
`
  const policy = readPolicy(policyText, { server: SERVER, own: [] })
  let log = await openFullLog(options)
  t.teardown(() => log.close())
  const watch = (of: TestLog) =>
    createOwnWitnesses({
      policy,
      log: of.witnesses,
      transport: createWitnessClient,
      statement: async () =>
        Buffer.from(JSON.stringify({ origin: idText(SERVER), logKey: await of.witnesses.logKey() })),
      clock: Date.now,
      logger: silent,
    })
  const world = {
    folder,
    options,
    policyText,
    registry,
    partner,
    log: () => log,
    witnesses: watch(log),
    /** Logs records, makes a checkpoint and submits it to the witnesses. Returns the size of the log. */
    async grow(records: number): Promise<number> {
      const record = await signedRecord()
      for (let i = 0; i < records; i++)
        await log.append({ ...record, ids: { id: `${i}`, requestId: `${i}` } })
      await log.checkpointNow()
      await world.witnesses.submit()
      return log.size()
    },
    /**
     * Stops the server, changes its stored data with `act`, and starts it again. Also deletes the mark next
     * to the keys.
     */
    async attack(act: () => Promise<void>): Promise<void> {
      await log.close()
      await act()
      rmSync(path.join(options.keyFolder, 'newest-checkpoint'), { force: true })
      log = await openFullLog(options)
      world.witnesses = watch(log)
    },
    /** Saves every row of the log's database. Returns a function that restores them. */
    async backup(): Promise<() => Promise<void>> {
      const rows = await eachTable(url, (tables, name) => tables.selectFrom(name).selectAll().execute())
      return async () => {
        await eachTable(url, async (tables, name, at) => {
          await tables.deleteFrom(name).execute()
          if (rows[at]!.length > 0)
            await tables
              .insertInto(name)
              .values(rows[at] as never)
              .execute()
        })
      }
    },
    truncate: (size: number) => truncate(url, size),
    /** Empties the database but keeps the keys: the next record begins another history. */
    erase: async () => {
      await eachTable(url, (tables, name) => tables.deleteFrom(name).execute())
      await eachTable(url, async (tables, name) => {
        if (name !== 'tree_head') return
        await tables
          .insertInto(name)
          .values({ id: 1, size: 0, peaks: Buffer.alloc(0) })
          .execute()
      })
    },
  }
  return world
}

const TABLES = [
  ...([
    'record',
    'record_key',
    'signature_document',
    'body_file',
    'tree_head',
    'tile',
    'checkpoint',
  ] as const),
  ...(['time_stamp', 'search', 'erasure', 'log_key', 'mark', 'cosignature', 'contradiction'] as const),
]

async function eachTable<T>(
  url: string,
  act: (
    tables: ReturnType<typeof tablesOf<IndexTables>>,
    name: (typeof TABLES)[number],
    at: number,
  ) => Promise<T>,
): Promise<T[]> {
  const database = await openDatabase(url)
  try {
    const done: T[] = []
    for (const [at, name] of TABLES.entries()) done.push(await act(tablesOf<IndexTables>(database), name, at))
    return done
  } finally {
    await database.close()
  }
}

/** Cuts off the end of the log so that no remaining data contradicts it. */
async function truncate(url: string, size: number): Promise<void> {
  const database = await openDatabase(url)
  const tables = tablesOf<IndexTables>(database)
  try {
    for (const name of ['record', 'record_key', 'search'] as const)
      await tables.deleteFrom(name).where('idx', '>=', size).execute()
    await tables.deleteFrom('signature_document').where('id', '>=', size).execute()
    for (const name of ['checkpoint', 'cosignature'] as const)
      await tables.deleteFrom(name).where('size', '>', size).execute()
    for (const name of ['tile', 'mark', 'contradiction'] as const) await tables.deleteFrom(name).execute()
    const range = createCompactRange()
    for (const { leaf } of await tables.selectFrom('record').select('leaf').orderBy('idx').execute())
      range.append(leaf)
    await tables
      .updateTable('tree_head')
      .set({ size: range.size, peaks: encodePeaks(range.peaks) })
      .execute()
  } finally {
    await database.close()
  }
}
