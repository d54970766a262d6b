/** The table of revoked certificates, which all nodes of a server share. */
import { type Certificate, parseCertificate } from '#core/certificate/certificate.ts'
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import type { RevocationTables } from './migrations.ts'

export type Revoked = { certificate: Certificate; instance: string; since: Date }

type RevocationStore = {
  /** Those that have not ended by themselves; the others are deleted. */
  list(now: Date): Promise<Revoked[]>
  put(revoked: Revoked): Promise<void>
  /** Deletes it unless a newer answer than `before` said so. */
  remove(of: Pick<Revoked, 'certificate' | 'instance'>, before: Date): Promise<void>
}

export function createRevocationStore(database: Database): RevocationStore {
  const kysely = tablesOf<RevocationTables>(database)
  return {
    async list(now) {
      const rows = await kysely.selectFrom('revoked_in_instance').selectAll().execute()
      const ended = rows.filter(({ not_after }) => new Date(not_after) < now)
      for (const { sha256 } of ended)
        await kysely.deleteFrom('revoked_in_instance').where('sha256', '=', sha256).execute()
      return rows
        .filter((row) => !ended.includes(row))
        .map(({ der, instance, since }) => ({
          ...{ certificate: parseCertificate(der), instance, since: new Date(since) },
        }))
    },
    async put({ certificate, instance, since }) {
      const { sha256, der, notAfter } = certificate
      const row = { sha256, instance, der, since: since.toISOString(), not_after: notAfter.toISOString() }
      await kysely
        .insertInto('revoked_in_instance')
        .values(row)
        .onConflict((conflict) => conflict.columns(['instance', 'sha256']).doUpdateSet({ since: row.since }))
        .execute()
    },
    async remove({ certificate, instance }, before) {
      await kysely
        .deleteFrom('revoked_in_instance')
        .where('instance', '=', instance)
        .where('sha256', '=', certificate.sha256)
        .where('since', '<', before.toISOString())
        .execute()
    },
  }
}
