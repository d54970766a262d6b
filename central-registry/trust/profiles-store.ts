/** Rows of the certificate profiles that the registry publishes in addition to X-Road's classes. */
import { createHash } from 'node:crypto'
import type { Kysely } from 'kysely'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { MOST_PROFILES } from '#core/certificate/read-own-profiles.ts'
import type { CertificateProfile } from '#schemas/certificate-profile.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { type Change, countOf } from '../changes/store.ts'
import { nextStanding } from '../members/rules.ts'
import type { RegisterTables } from '../register/tables.ts'

export function createProfileStore(tables: Kysely<RegisterTables>, change: Change) {
  return {
    profiles: () =>
      tables
        .selectFrom('certificate_profile')
        .select(['name', 'document', 'sha256', 'changed_at'])
        .orderBy('name')
        .execute(),
    /** Adds a profile or replaces the one with its name. Throws `conflict` when there would be too many. */
    putProfile: (profile: CertificateProfile, at: string) =>
      change(async (transaction) => {
        const document = canonicalJson(profile)
        const sha256 = createHash('sha256').update(document).digest('hex')
        const values = { document, sha256, changed_at: at }
        await transaction
          .insertInto('certificate_profile')
          .values({ name: profile.name, ...values })
          .onConflict((conflict) => conflict.column('name').doUpdateSet(values))
          .execute()
        const names = await transaction.selectFrom('certificate_profile').select('name').execute()
        if (names.length > MOST_PROFILES)
          throw new Fault('conflict', {
            what: say`an instance has at most ${MOST_PROFILES} certificate profiles`,
          })
        return { name: profile.name, sha256 }
      }),
    /** Throws `not_found`, and `conflict` while an approved CA uses the profile. */
    deleteProfile: (name: string) =>
      change(async (transaction) => {
        nextStanding(`the certificate profile ${name}`, 'delete', {
          exists: (await countOf(transaction, 'certificate_profile', 'name', name)) > 0,
          references: {
            'approved certification services': await countOf(
              transaction,
              'certification_service',
              'profile',
              name,
            ),
          },
        })
        await transaction.deleteFrom('certificate_profile').where('name', '=', name).execute()
      }),
  }
}
