/**
 * Reads the register for a publication, and stores what was published: the files as served and the index that
 * only rises. Any node on the database can serve them. Storage is limited: equal content is stored once, and
 * superseded files are removed after ten minutes.
 */
import { createHash } from 'node:crypto'
import { type Kysely, type Selectable, sql } from 'kysely'
import {
  type Database,
  inSnapshot,
  inTransaction,
  openDatabase,
  tablesOf,
  type Within,
} from '#platform/database/open-database.ts'
import type { Time, Whole } from '#schemas/sent-values.ts'
import { lockRegister } from '../changes/store.ts'
import { longestGrace } from '../register/live-contracts-store.ts'
import { suspendedIn } from '../register/suspended-store.ts'
import type { RegisterTables } from '../register/tables.ts'
import type { FewRows, RegisterRows } from './assemble.ts'
import type { Reach } from './restored-store.ts'
import { acceptedIn, mustBeAccepted, reachedIn } from './restored-store.ts'
import { activeKeyIn, noteAnnounced } from './signing-keys/store.ts'
import { type OpenLog, openLog } from './transparency-log/store.ts'

export type Publication = {
  index: Whole
  /**
   * The time in its locations: later than that of every publication before, also when the clock went back.
   */
  generatedAt: Time
  expiresAt: Time
  /** Until when contracts with an outage grace may use it; absent when none in force grants one. */
  graceUntil?: Time
}
export type PublishedFile = {
  path: string
  contentType: string
  /** SHA-256 in hex, where the caller knows it. */
  digest?: string | undefined
  /** Undefined when the database already has the content with this digest. */
  content?: Buffer | undefined
}
type ServedFile = { contentType: string; content: Buffer }
export type PublicationStore = ReturnType<typeof createPublicationStore>

/** What `make` gets: the register and the last publication. */
type Present = {
  few: FewRows
  /** All rows; reading them takes long for a large register. */
  rows(): Promise<RegisterRows>
  /** Whether the register is still at that revision, and the database has the contents with these digests. */
  isStill(revision: number, digests: string[]): Promise<boolean>
  previous: Publication | undefined
  log: OpenLog
  /** The highest numbers that had been seen when a restored register was accepted. */
  accepted: Reach
}

/**
 * More than two publications a second for ten minutes. The limit keeps the tables small even if the clock was
 * once ahead.
 */
const MOST_KEPT = 2000

export function createPublicationStore(database: Database) {
  const tables = tablesOf<RegisterTables>(database)

  return {
    newest: () => newestIn(tables),
    reached: () => reachedIn(tables),
    accepted: () => acceptedIn(tables),
    activeKey: () => activeKeyIn(tables),
    /**
     * Publishes what `make` returns for the register at this moment, while no other node changes or publishes
     * it. Publishes nothing when `make` returns undefined. Replaces files with the same path. Removes files
     * of publications that were superseded before `keptSince`.
     */
    publish: (
      make: (
        present: Present,
      ) => Promise<{ publication: Publication; files: PublishedFile[]; keptSince: string } | undefined>,
    ): Promise<Publication | undefined> =>
      inTransaction(tables, async (transaction) => {
        await lockRegister(transaction)
        await mustBeAccepted(transaction)
        const previous = await newestIn(transaction)
        const log = openLog(transaction)
        const made = await make({
          few: await readFew(transaction),
          rows: () => readRegister(transaction),
          isStill: async (revision, digests) =>
            (await revisionIn(transaction)) === revision && (await areStored(transaction, digests)),
          previous,
          log,
          accepted: await acceptedIn(transaction),
        })
        if (made === undefined) return undefined
        const { index, generatedAt, expiresAt, graceUntil = null } = made.publication
        await noteAnnounced(transaction, generatedAt)
        await transaction
          .insertInto('publication')
          .values({
            ...{ configuration_index: index, generated_at: generatedAt },
            ...{ expires_at: expiresAt, grace_until: graceUntil },
          })
          .execute()
        for (const file of made.files) await insertFile(transaction, index, file)
        await removeSuperseded(transaction, made.keptSince, index - MOST_KEPT)
        return made.publication
      }),
    /** The number of members, subsystems and clients together. */
    async size(): Promise<number> {
      let size = 0
      for (const table of ['member', 'subsystem', 'server_client'] as const) {
        const { countAll } = tables.fn
        const row = await tables.selectFrom(table).select(countAll<number>().as('rows')).executeTakeFirst()
        size += Number(row?.rows ?? 0)
      }
      return size
    },
    /** The shared and private parameters of a publication. */
    parts: (index: number) =>
      tables
        .selectFrom('published_file')
        .innerJoin('published_content', 'published_content.digest', 'published_file.digest')
        .select([
          'published_file.path',
          'published_file.digest as sha256',
          sql<number>`length(published_content.content)`.as('bytes'),
        ])
        .where('published_file.configuration_index', '=', index)
        .where('published_file.path', 'like', '%-params.xml')
        .orderBy('published_file.path')
        .execute(),
    async file(path: string): Promise<ServedFile | undefined> {
      const row = await tables
        .selectFrom('published_file')
        .innerJoin('published_content', 'published_content.digest', 'published_file.digest')
        .select(['published_file.content_type', 'published_content.content'])
        .where('published_file.path', '=', path)
        .executeTakeFirst()
      return row === undefined ? undefined : { contentType: row.content_type, content: row.content }
    },
  }
}

/** The store that a thread uses to prepare a publication, with its own connection. */
export async function openPreparationStore(url: string) {
  const database = await openDatabase(url)
  const tables = tablesOf<RegisterTables>(database)
  return {
    /** Reads the register in one snapshot, without blocking changes. */
    read: (): Promise<{ rows: RegisterRows; revision: number }> =>
      inSnapshot(tables, async (snapshot) => ({
        rows: await readRegister(snapshot),
        revision: await revisionIn(snapshot),
      })),
    /** Stores a content that no file refers to yet. The next publication refers to it or removes it. */
    keep: (digest: string, content: Buffer) => keepContent(tables, digest, content),
    close: () => database.close(),
  }
}

/** Call this within each change of data that is published. */
export async function raiseRevision(transaction: Within): Promise<void> {
  await tablesOf<RegisterTables>({ kysely: transaction })
    .updateTable('register_revision')
    .set(({ eb }) => ({ revision: eb('revision', '+', 1) }))
    .execute()
}

async function revisionIn(kysely: Kysely<RegisterTables>): Promise<number> {
  const row = await kysely.selectFrom('register_revision').select('revision').executeTakeFirstOrThrow()
  return Number(row.revision)
}

async function areStored(kysely: Kysely<RegisterTables>, digests: string[]): Promise<boolean> {
  const rows = await kysely
    .selectFrom('published_content')
    .select('digest')
    .where('digest', 'in', digests)
    .execute()
  return rows.length === new Set(digests).size
}

async function newestIn(kysely: Kysely<RegisterTables>): Promise<Publication | undefined> {
  const row = await kysely
    .selectFrom('publication')
    .select(['configuration_index', 'generated_at', 'expires_at', 'grace_until'])
    .orderBy('configuration_index', 'desc')
    .limit(1)
    .executeTakeFirst()
  if (row === undefined) return undefined
  return {
    ...{ index: row.configuration_index, generatedAt: row.generated_at, expiresAt: row.expires_at },
    ...(row.grace_until !== null && { graceUntil: row.grace_until }),
  }
}

type All = <T extends keyof RegisterTables, C extends keyof Selectable<RegisterTables[T]> & string>(
  table: T,
  columns: C[],
) => Promise<Pick<Selectable<RegisterTables[T]>, C>[]>

function allIn(kysely: Kysely<RegisterTables>): All {
  return (table, columns) => {
    const query = kysely.selectFrom(table as never).select(columns as never[])
    return query.orderBy(columns[0] as never).execute() as never
  }
}

async function readFew(kysely: Kysely<RegisterTables>): Promise<FewRows> {
  const all = allIn(kysely)
  return {
    parameters: await all('system_parameter', ['name', 'value']),
    externalAnchors: await all('external_anchor', ['instance', 'generated_at', 'sources', 'state']),
    signingKeys: await all('signing_key', ['created_at', 'id', 'certificate', 'is_active']),
    certificateProfiles: await all('certificate_profile', ['name', 'document']),
    trustedIssuers: await all('trusted_issuer', ['name', 'document']),
    graceHours: await longestGrace(kysely),
  }
}

/** All data that is published; call this within one transaction. */
export async function readRegister(kysely: Kysely<RegisterTables>): Promise<RegisterRows> {
  const all = allIn(kysely)
  return {
    ...(await readFew(kysely)),
    suspended: await suspendedIn(kysely),
    classes: await all('member_class', ['code', 'description']),
    members: await all('member', ['id', 'name']),
    subsystems: await all('subsystem', ['id', 'member', 'name']),
    groups: await all('global_group', ['code', 'description']),
    groupMembers: await all('global_group_member', ['client', 'group_code']),
    servers: await all('security_server', ['id', 'address', 'maintenance']),
    certificates: await all('authentication_certificate', ['sha256', 'server']),
    clients: await all('server_client', ['client', 'server', 'is_disabled']),
    services: await all('certification_service', [
      ...(['id', 'name', 'profile', 'authentication_only', 'csr_format', 'acme_server'] as const),
    ]),
    authorities: await all('certification_authority', ['sha256', 'service', 'is_top', 'certificate']),
    responders: await all('ocsp_responder', ['id', 'authority', 'url', 'certificate', 'cost_type']),
    timestampingServices: await all('timestamping_service', [
      ...(['id', 'name', 'url', 'certificate', 'cost_type'] as const),
    ]),
  }
}

async function insertFile(
  transaction: Kysely<RegisterTables>,
  index: number,
  file: PublishedFile,
): Promise<void> {
  const { path, contentType, content } = file
  const digest = file.digest ?? createHash('sha256').update(content!).digest('hex')
  if (content !== undefined) await keepContent(transaction, digest, content)
  const facts = { configuration_index: index, content_type: contentType, digest }
  await transaction
    .insertInto('published_file')
    .values({ path, ...facts })
    .onConflict((conflict) => conflict.column('path').doUpdateSet(facts))
    .execute()
}

async function keepContent(kysely: Kysely<RegisterTables>, digest: string, content: Buffer): Promise<void> {
  await kysely
    .insertInto('published_content')
    .values({ digest, content })
    .onConflict((conflict) => conflict.column('digest').doNothing())
    .execute()
}

/**
 * Keeps the publication that was the newest at `keptSince` and all later ones, but none with an index below
 * `least`.
 */
async function removeSuperseded(
  transaction: Kysely<RegisterTables>,
  keptSince: string,
  least: number,
): Promise<void> {
  const oldest = await transaction
    .selectFrom('publication')
    .select('configuration_index')
    .where('generated_at', '<=', keptSince)
    .orderBy('configuration_index', 'desc')
    .limit(1)
    .executeTakeFirst()
  const before = Math.max(oldest?.configuration_index ?? 0, least)
  await transaction.deleteFrom('published_file').where('configuration_index', '<', before).execute()
  await transaction.deleteFrom('publication').where('configuration_index', '<', before).execute()
  // Removes all contents without a file, also those of files that were replaced, such as the last directory.
  await transaction
    .deleteFrom('published_content')
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('published_file')
            .select('path')
            .whereRef('published_file.digest', '=', 'published_content.digest'),
        ),
      ),
    )
    .execute()
}
