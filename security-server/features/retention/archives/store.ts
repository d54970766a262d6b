/**
 * Stores the archives, their records, and the order in which they follow each other. A row is written before
 * its file gets its final name.
 */
import type { Kysely } from 'kysely'
import { textContains } from '#platform/database/lists.ts'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import { createStoredFileStore } from '#platform/stored-files/store.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { Time, Whole } from '#schemas/sent-values.ts'
import { AWAITS_ARCHIVE } from '../store.ts'
import type { RetentionTables } from '../tables.ts'

export type NewArchive = ArchiveFacts & {
  /** The file of the archive that this one follows. Null for the first one of its class. */
  follows: string | null
}

type ArchiveFacts = {
  class: number
  file: string
  node: string
  /** The file in the database; null for one in the node's folder. */
  stored: string | null
  /** The hash of the archive's file. */
  sha256: Buffer
  size: Whole
  /** Indexes of the archived records. */
  records: number[]
  containers: number
  createdAt: Time
  /** The last digest of the linking chain, in hexadecimal. Empty before the first container of the class. */
  linkingDigest: string
  /** SHA-256 of the archive's `bundle.json`. */
  manifestDigest: Buffer
}
export type StoredArchive = ArchiveFacts & { id: Whole; complete: boolean }

/** The archives that the next archive of a class follows. */
export type Previous = {
  /** The last archive with containers. Both texts are empty when there is none. */
  linking: { digest: string; file: string }
  /** The last archive, with or without containers. */
  manifest: { file: string; digest: Buffer } | undefined
}

export type ArchiveFilter = {
  /** A text in the name of the file. */
  q?: string | undefined
  class?: number | undefined
  state?: 'complete' | 'under-way' | undefined
  before?: number | undefined
  limit: number
}

export type ArchiveStore = ReturnType<typeof createArchiveStore>

const PART = 500

export function createArchiveStore(database: Database) {
  const kysely = tablesOf<RetentionTables>(database)
  const files = createStoredFileStore(database)
  const newest = (classId: number) =>
    kysely
      .selectFrom('archive')
      .selectAll()
      .where('class', '=', classId)
      .where('complete', '=', 1)
      .orderBy('id', 'desc')
      .limit(1)

  return {
    previous: async (classId: number): Promise<Previous> => {
      const last = await newest(classId).executeTakeFirst()
      const linked = await newest(classId).where('containers', '>', 0).executeTakeFirst()
      return {
        linking: { digest: linked?.linking_digest ?? '', file: linked?.file ?? '' },
        manifest: last === undefined ? undefined : { file: last.file, digest: last.manifest_digest },
      }
    },

    /** Archives of any node that are not complete. */
    pending: async (): Promise<StoredArchive[]> =>
      (await kysely.selectFrom('archive').selectAll().where('complete', '=', 0).execute()).map(toArchive),

    /**
     * Records a new archive. Throws `conflict` when `archive.follows` is no longer the newest archive of its
     * class.
     */
    begin: (archive: NewArchive): Promise<number> =>
      inTransaction(kysely, (transaction) => beginIn(transaction, archive)),

    /**
     * Completes an archive whose file has its final name. From now on the content of its records may be
     * erased, unless a hold stops it. Throws `conflict`, and changes nothing, when the content of a record
     * was erased while the archive was made, or another node has abandoned the archive.
     */
    finish: (id: number, records: number[]): Promise<void> =>
      inTransaction(kysely, async (transaction) => {
        if (!(await finishIn(transaction, id, records))) throw erasedMeanwhile(id)
      }),

    /**
     * Completes an archive whose file is in the database, and the file with it: `begin` and `finish` in one
     * commit. Returns false, and changes nothing, when the content of a record was erased while the archive
     * was made. Throws `conflict` as `begin`, and when the file was removed.
     */
    keep: async (archive: NewArchive & { stored: string }): Promise<boolean> => {
      const { stored, size, sha256, records } = archive
      let isWhole = true
      const kept = inTransaction(kysely, async (transaction) => {
        const id = await beginIn(transaction, archive)
        if (!(await files.complete(stored, { size, sha256, within: transaction })))
          throw new Fault('conflict', { what: say`the file of the archive ${archive.file} was removed` })
        isWhole = await finishIn(transaction, id, records)
        if (!isWhole) throw erasedMeanwhile(id)
      })
      await kept.catch((thrown: unknown) => {
        if (isWhole) throw thrown
      })
      return isWhole
    },

    /** Deletes the row of an archive that has no file. Its records wait for another archive. */
    abandon: async (id: number): Promise<void> => {
      await kysely.deleteFrom('archive').where('id', '=', id).where('complete', '=', 0).execute()
    },

    fileNames: async (ids: number[]): Promise<Map<number, string>> => {
      if (ids.length === 0) return new Map()
      const rows = await kysely.selectFrom('archive').select(['id', 'file']).where('id', 'in', ids).execute()
      return new Map(rows.map(({ id, file }) => [id, file]))
    },

    find: async (id: number): Promise<StoredArchive | undefined> => {
      const row = await kysely.selectFrom('archive').selectAll().where('id', '=', id).executeTakeFirst()
      return row === undefined ? undefined : toArchive(row)
    },

    /** Newest first. */
    list: async ({
      class: classId,
      q = '',
      state,
      before,
      limit,
    }: ArchiveFilter): Promise<StoredArchive[]> => {
      let query = kysely.selectFrom('archive').selectAll().orderBy('id', 'desc').limit(limit)
      if (classId !== undefined) query = query.where('class', '=', classId)
      if (state !== undefined) query = query.where('complete', '=', state === 'complete' ? 1 : 0)
      if (q !== '') query = query.where(textContains('file', q))
      if (before !== undefined) query = query.where('id', '<', before)
      return (await query.execute()).map(toArchive)
    },
  }
}

async function beginIn(transaction: Kysely<RetentionTables>, archive: NewArchive): Promise<number> {
  const newest = await transaction
    .selectFrom('archive')
    .select('file')
    .where('class', '=', archive.class)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst()
  if ((newest?.file ?? null) !== archive.follows)
    throw new Fault('conflict', {
      what: say`another archive is the newest by now: ${newest?.file ?? '-'}`,
    })
  const { id } = await transaction
    .insertInto('archive')
    .values({
      class: archive.class,
      file: archive.file,
      node: archive.node,
      stored: archive.stored,
      complete: 0,
      sha256: archive.sha256,
      size: archive.size,
      records: JSON.stringify(archive.records),
      containers: archive.containers,
      created_at: archive.createdAt,
      linking_digest: archive.linkingDigest,
      manifest_digest: archive.manifestDigest,
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  return Number(id)
}

/**
 * Returns false when the content of a record was erased while the archive was made, or the archive is there
 * no more. A complete one stays as it is.
 */
async function finishIn(
  transaction: Kysely<RetentionTables>,
  id: number,
  records: number[],
): Promise<boolean> {
  const row = transaction.updateTable('archive').set({ complete: 1 }).where('id', '=', id)
  // A node that was made to leave may live for some seconds yet: contents must not end for an archive that
  // nobody knows, nor may it take an archive for one in vain that another node has completed for it, and
  // whose contents have ended since.
  if ((await row.where('complete', '=', 0).executeTakeFirst()).numUpdatedRows !== 1n) {
    const there = transaction.selectFrom('archive').select('id').where('id', '=', id)
    return (await there.where('complete', '=', 1).executeTakeFirst()) !== undefined
  }
  let there = 0
  for (let at = 0; at < records.length; at += PART) {
    const some = records.slice(at, at + PART)
    const rows = transaction.updateTable('retention').where('idx', 'in', some)
    there += Number((await rows.set({ archive: id }).executeTakeFirst()).numUpdatedRows)
    await rows.set({ stopped_by: 0 }).where('stopped_by', '=', AWAITS_ARCHIVE).execute()
  }
  return there === records.length
}

function erasedMeanwhile(id: number): Fault {
  return new Fault('conflict', { what: say`content in archive ${id} was erased while it was made` })
}

function toArchive(row: Omit<RetentionTables['archive'], 'id'> & { id: number }): StoredArchive {
  return {
    id: row.id,
    class: row.class,
    file: row.file,
    node: row.node,
    stored: row.stored,
    complete: row.complete === 1,
    sha256: row.sha256,
    size: row.size,
    records: JSON.parse(row.records) as number[],
    containers: row.containers,
    createdAt: row.created_at,
    linkingDigest: row.linking_digest,
    manifestDigest: row.manifest_digest,
  }
}
