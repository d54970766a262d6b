/** What was published: the files as they are served, and the index that only rises. Any node on the database can serve them. */
import type { Kysely } from 'kysely'
import { lockFor } from '#platform/database/dialect.ts'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'

type PublicationTables = {
  publication: { configuration_index: number; generated_at: string; expires_at: string }
  published_file: { path: string; configuration_index: number; content_type: string; content: Buffer }
}

export type Publication = { index: number; generatedAt: string; expiresAt: string }
export type PublishedFile = { path: string; contentType: string; content: Buffer }
export type PublicationStore = ReturnType<typeof createPublicationStore>

export function createPublicationStore(database: Database) {
  const tables = tablesOf<PublicationTables>(database)

  async function newest(from: Kysely<PublicationTables> = tables): Promise<Publication | undefined> {
    const row = await from
      .selectFrom('publication')
      .select(['configuration_index', 'generated_at', 'expires_at'])
      .orderBy('configuration_index', 'desc')
      .limit(1)
      .executeTakeFirst()
    if (row === undefined) return undefined
    return {
      index: Number(row.configuration_index),
      generatedAt: row.generated_at,
      expiresAt: row.expires_at,
    }
  }

  return {
    newest: () => newest(),
    /** Publishes what `make` returns for the next index, alone among all nodes; files with the same path are replaced. */
    publish(
      make: (previous: Publication | undefined) => { publication: Publication; files: PublishedFile[] },
    ): Promise<Publication> {
      return inTransaction(tables, async (transaction) => {
        await lockFor(transaction, 'publication')
        const { publication, files } = make(await newest(transaction))
        const { index, generatedAt, expiresAt } = publication
        await transaction
          .insertInto('publication')
          .values({ configuration_index: index, generated_at: generatedAt, expires_at: expiresAt })
          .execute()
        for (const { path, contentType, content } of files) {
          await transaction.deleteFrom('published_file').where('path', '=', path).execute()
          const row = { path, configuration_index: index, content_type: contentType, content }
          await transaction.insertInto('published_file').values(row).execute()
        }
        return publication
      })
    },
    async file(path: string): Promise<PublishedFile | undefined> {
      const row = await tables
        .selectFrom('published_file')
        .select(['content_type', 'content'])
        .where('path', '=', path)
        .executeTakeFirst()
      return row === undefined ? undefined : { path, contentType: row.content_type, content: row.content }
    },
    /** Removes files and entries of publications that expired before `time`; the newest publication always stays. */
    async clean(time: string): Promise<void> {
      const last = await newest()
      if (last === undefined) return
      await inTransaction(tables, async (transaction) => {
        const old = await transaction
          .selectFrom('publication')
          .select((e) => e.fn.max('configuration_index').as('newest'))
          .where('expires_at', '<', time)
          .where('configuration_index', '<', last.index)
          .executeTakeFirst()
        if (old?.newest == null) return
        await transaction
          .deleteFrom('published_file')
          .where('configuration_index', '<=', Number(old.newest))
          .execute()
        await transaction
          .deleteFrom('publication')
          .where('configuration_index', '<=', Number(old.newest))
          .execute()
      })
    },
  }
}
