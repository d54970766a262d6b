/** Indexes the approved CAs of the register with the facts of their certificates, for look-ups; pure. */
import { type ConfigurationIndex, indexConfiguration } from '#core/configuration/configuration-index.ts'
import type { CertificateProfile } from '#schemas/certificate-profile.ts'
import type { ApprovedCa } from '#schemas/global-configuration.ts'

/** `profiles`: rows of the instance's own certificate profiles. */
export function indexApproved(q: {
  instance: string
  approvedCas: ApprovedCa[]
  profiles: { document: string }[]
  ocspFreshnessSeconds: number
}): ConfigurationIndex {
  const { instance, approvedCas, ocspFreshnessSeconds } = q
  const profiles = q.profiles.map(({ document }) => JSON.parse(document) as CertificateProfile)
  const shared = {
    ...{ instance, approvedCas, ocspFreshnessSeconds, sources: [], approvedTsas: [], members: [] },
    ...{ securityServers: [], globalGroups: [], memberClasses: [] },
  }
  return indexConfiguration(shared, undefined, profiles)
}
