/**
 * Look-ups in the trust services of an instance: approved CAs by subject name, and time-stamping authorities.
 */
import { type Certificate, isIssuedBy, readCertificate } from '#core/certificate/certificate.ts'
import { comparableRdns, type Name } from '#core/certificate/name.ts'
import type { ApprovedCa, CaInfo, SharedParameters } from '#schemas/global-configuration.ts'

/** An approved CA, top or intermediate, with everything needed to check the certificates that it issued. */
export type IssuingCa = {
  ca: Certificate
  approved: ApprovedCa
  /** Certificates, besides its own and its delegates', that may sign OCSP answers for this CA. */
  responders: Certificate[]
  ocspUrls: string[]
}

/** The look-ups of trust services. */
export type TrustIndex = {
  caCertificates(o?: { forSigning?: boolean }): { anchors: Certificate[]; intermediates: Certificate[] }
  /**
   * The approved CA (or intermediate) that issued the certificate, found by issuer name; if several have the
   * name, by signature.
   */
  caOf(certificate: Certificate): IssuingCa | undefined
  tsaCertificates: Certificate[]
  tsaUrls: { name: string; url: string }[]
  /** Warnings about published certificates that could not be read; they are left out. */
  warnings: string[]
}

/**
 * Reads every certificate once. Leaves unreadable ones out with a warning; this can only reduce what is
 * trusted.
 */
export function indexTrust(shared: SharedParameters): TrustIndex {
  const warnings: string[] = []
  const read = (der: Buffer, owner: string): Certificate[] => {
    try {
      return [readCertificate(der)]
    } catch (cause) {
      warnings.push(
        `a certificate of ${owner} cannot be read: ${cause instanceof Error ? cause.message : 'unknown'}`,
      )
      return []
    }
  }
  const all = { anchors: [] as Certificate[], intermediates: [] as Certificate[] }
  const forSigning = { anchors: [] as Certificate[], intermediates: [] as Certificate[] }
  const byName = new Map<string, IssuingCa[]>()
  const enter = (approved: ApprovedCa, info: CaInfo, kind: keyof typeof all): void => {
    for (const ca of read(info.cert, approved.name)) {
      const responders = info.ocsp.flatMap(({ cert }) =>
        cert === undefined ? [] : read(cert, approved.name),
      )
      const ocspUrls = info.ocsp.map((responder) => responder.url)
      const key = nameKey(ca.subject)
      byName.set(key, [...(byName.get(key) ?? []), { ca, approved, responders, ocspUrls }])
      all[kind].push(ca)
      if (!approved.authenticationOnly) forSigning[kind].push(ca)
    }
  }
  for (const approved of shared.approvedCas) {
    enter(approved, approved.topCa, 'anchors')
    for (const info of approved.intermediateCas) enter(approved, info, 'intermediates')
  }
  return {
    caCertificates: (o) => (o?.forSigning === true ? forSigning : all),
    caOf: (certificate) => {
      const namesakes = byName.get(nameKey(certificate.issuer)) ?? []
      return namesakes.length < 2 ? namesakes[0] : namesakes.find(({ ca }) => isIssuedBy(certificate, ca))
    },
    tsaCertificates: shared.approvedTsas.flatMap((tsa) => read(tsa.cert, tsa.name)),
    tsaUrls: shared.approvedTsas.map(({ name, url }) => ({ name, url })),
    warnings,
  }
}

function nameKey(name: Name): string {
  return comparableRdns(name).join('\u0001')
}
