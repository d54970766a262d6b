/**
 * Reads the facts for a campaign: every server, its registered and its reported certificates, each with its
 * issuer.
 */
import { readCertificate } from '#core/certificate/certificate.ts'
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { CampaignFacts } from './campaign.ts'
import type { Tables } from './tables.ts'

/** Throws `not_found` when no such certification service is approved. */
export function createCampaignFacts(
  database: Database,
): (service: number, approved: Pick<ConfigurationIndex, 'caOf'>) => Promise<CampaignFacts> {
  const tables = tablesOf<Tables>(database)
  return async (service, approved) => {
    const authorities = await tables
      .selectFrom('certification_authority')
      .select('sha256')
      .where('service', '=', service)
      .execute()
    if (authorities.length === 0)
      throw new Fault('not_found', { what: say`the certification service ${service}` })
    const own = new Set(authorities.map(({ sha256 }) => sha256))
    const servers = await tables
      .selectFrom('security_server')
      .leftJoin('fleet_server', 'fleet_server.server', 'security_server.id')
      .select(['id', 'reported_at'])
      .orderBy('id')
      .execute()
    const registered = await tables
      .selectFrom('authentication_certificate')
      .select(['server', 'sha256', 'certificate', 'not_after'])
      .orderBy('sha256')
      .execute()
    const reported = await tables
      .selectFrom('fleet_certificate')
      .select(['server', 'sha256', 'usage', 'member', 'authority', 'not_after'])
      .orderBy('sha256')
      .execute()
    const isOwn = (der: Buffer): boolean => own.has(approved.caOf(readCertificate(der))?.ca.sha256 ?? '')
    return {
      servers: servers.map(({ id, reported_at }) => ({ id, reportedAt: reported_at })),
      registered: registered
        .filter(({ certificate }) => isOwn(certificate))
        .map(({ server, sha256, not_after }) => ({ server, sha256, notAfter: not_after })),
      reported: reported.map(({ not_after, authority, ...one }) => ({
        ...one,
        notAfter: not_after,
        isOfCa: authority !== null && own.has(authority),
      })),
    }
  }
}
