/**
 * The part of a plan about authentication certificates; pure. X-Road publishes only their hashes; a
 * certificate with such a hash is checked like any other.
 */
import type { ApprovedCa } from '#schemas/global-configuration.ts'
import { idText } from '#schemas/identifiers.ts'
import { approvedCas, type RegisterRows } from '../../configuration/assemble.ts'
import type { Source } from '../../configuration/other-instances/read-source.ts'
import { checkNewCertificate } from '../../servers/rules.ts'
import { indexApproved } from '../../trust/approved.ts'
import type { Notes } from './notes.ts'
import type { AddedTrust } from './plan-trust.ts'

const SHA256_BYTES = 32

export type AddedCertificate = { sha256: string; server: string; certificate: Buffer; not_after: string }

/** A certificate of which only the hash is known yet. */
export type MissingCertificate = { server: string; address: string; sha256: string }

export function planCertificates(
  {
    source,
    register,
    certificates,
    now,
  }: {
    source: Pick<Source, 'shared'>
    register: RegisterRows
    /** Certificates by their SHA-256 in hex. */
    certificates: ReadonlyMap<string, Buffer>
    now: Date
  },
  servers: ReadonlySet<string>,
  trust: AddedTrust,
  notes: Notes,
): { certificates: AddedCertificate[]; missing: MissingCertificate[] } {
  const take: AddedCertificate[] = []
  const missing: MissingCertificate[] = []
  const approved = indexApproved({
    instance: source.shared.instance,
    approvedCas: allCas(register, trust),
    profiles: register.certificateProfiles,
    ocspFreshnessSeconds: source.shared.ocspFreshnessSeconds,
  })
  const registered = new Map(register.certificates.map(({ sha256, server }) => [sha256, server]))
  const published = new Set<string>()
  for (const { id, address = '', authCertHashes } of source.shared.securityServers) {
    const server = idText(id)
    for (const hash of authCertHashes) {
      const sha256 = hash.toString('hex')
      const what = `authentication certificate ${sha256} of ${server}`
      const here = registered.get(sha256)
      const isTwin = published.has(sha256)
      published.add(sha256)
      if (here !== undefined) notes.differ(`server of the authentication certificate ${sha256}`, here, server)
      else if (hash.length !== SHA256_BYTES) notes.leave(what, 'its hash is not SHA-256')
      else if (!servers.has(server)) notes.leave(what, 'the security server is not taken')
      else if (isTwin) notes.leave(what, 'another security server has it as well')
      else {
        const der = certificates.get(sha256)
        if (der === undefined) missing.push({ server, address: address.toLowerCase(), sha256 })
        else
          notes.allows(what, () => {
            const certificate = checkNewCertificate(der, approved, now)
            const not_after = certificate.notAfter.toISOString()
            take.push({ sha256, server, certificate: der, not_after })
          })
      }
    }
  }
  for (const { sha256, server } of register.certificates)
    if (!published.has(sha256)) notes.onlyHere(`authentication certificate ${sha256} of ${server}`)
  return { certificates: take, missing }
}

/** The certification services of the register and those that the import adds, with all their CAs. */
function allCas(register: RegisterRows, trust: AddedTrust): ApprovedCa[] {
  const added = trust.services.map(({ name, profile, authenticationOnly, csrFormat }, at) => ({
    acme_server: null,
    ...{ id: -1 - at, name, profile, csr_format: csrFormat },
    authentication_only: authenticationOnly ? 1 : 0,
  }))
  const authorities = [
    ...register.authorities,
    ...trust.services.map(({ top }, at) => ({
      ...{ sha256: top.certificate.sha256, service: -1 - at, is_top: 1, certificate: top.certificate.der },
    })),
  ]
  const intermediates = trust.intermediates.flatMap(({ of, authority: { certificate } }) =>
    authorities
      .filter(({ sha256 }) => sha256 === of)
      .map(({ service }) => ({
        ...{ sha256: certificate.sha256, service, is_top: 0, certificate: certificate.der },
      })),
  )
  return approvedCas({
    services: [...register.services, ...added],
    authorities: [...authorities, ...intermediates],
    responders: [],
  })
}
