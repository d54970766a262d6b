/**
 * What a tracker answers from, without the server around it: a message log with its index by person, and a
 * holder of subject keys in this process.
 */
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { migrate } from '#platform/database/migrate.ts'
import { openDatabase } from '#platform/database/open-database.ts'
import { subjectMigrations } from '#security-server/features/person-search/migrations.ts'
import { openPersonSearch } from '#security-server/features/person-search/open-person-search.ts'
import { personUses } from '#security-server/features/person-search/person-uses.ts'
import { trackerMigrations } from '#security-server/features/tracker/migrations.ts'
import { createTrackerStore } from '#security-server/features/tracker/store.ts'
import { openWholeLog } from '#security-server/open-log.ts'
import { createHolder } from '#security-server/subject-keys/holder.ts'
import { holderMigrations } from '#security-server/subject-keys/store.ts'
import { SERVER } from '../log/exchanges.ts'

export type Uses = Awaited<ReturnType<typeof openUses>>

const KEEP_MONTHS = 12
/** No bound of a day stops the bench. */
const MANY = 1_000_000_000
const LIMITS = {
  ...{ perPersonDay: MANY, perCaseDay: MANY, perDay: MANY, identifiersPerDay: MANY, indexesPerDay: MANY },
  ...{ lookUpsPerClientDay: MANY, lookUpsPerDay: MANY },
}

/** URLs of empty databases: of the message log, of the server, of the holder of subject keys. */
type Urls = { log: string; server: string; keys: string }

/** `directory` may be new. Databases that are not named are embedded ones in it. */
export async function openUses(q: { directory: string; databases: Partial<Urls> }) {
  const folder = (name: string): string => {
    const at = path.resolve(q.directory, name)
    mkdirSync(at, { mode: 0o700 })
    return at
  }
  const urlOf = (name: keyof Urls, file: string): string =>
    q.databases[name] ?? `sqlite:${path.resolve(q.directory, file)}`
  /** Of the log, which stands where its time is. */
  const time = { now: Date.now() }
  const log = await openWholeLog({
    databaseUrl: urlOf('log', 'log.db'),
    ...{ keyFolder: folder('keys'), bodyFolder: folder('bodies') },
    ...{ server: SERVER, node: 'node1', clock: () => time.now },
  })
  const server = await openDatabase(urlOf('server', 'server.db'))
  await migrate(server, { ...subjectMigrations, ...trackerMigrations })
  const keys = await openDatabase(urlOf('keys', 'subject-keys.db'))
  await migrate(keys, holderMigrations)
  const holder = await createHolder({
    ...{ database: keys, directory: folder('subject-keys'), clock: Date.now },
    ...{ keepMonths: KEEP_MONTHS, limits: LIMITS },
  })
  const search = await openPersonSearch({
    ...{
      settings: undefined,
      countryPrefix: '',
      keys: holder,
      database: server,
      clock: Date.now,
      messageLog: log,
    },
    contracts: {
      view: () => ({ asOf: undefined, required: false, contracts: [], refused: [] }),
      contentsInForce: async () => [],
    },
  })
  return {
    ...{ log, time, holder, store: createTrackerStore(server) },
    personUses: personUses({ ...search, parts: log.parts }),
    async close(): Promise<void> {
      await search.close()
      await log.close()
      await server.close()
      await keys.close()
    },
  }
}
