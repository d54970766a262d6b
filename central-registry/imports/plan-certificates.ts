/** The part of a plan about authentication certificates: X-Road names them by hash, and what fits a hash is judged as any other; pure. */
import { readCertificate } from '#core/certificate/certificate.ts'
import { idText } from '#schemas/identifiers.ts'
import { checkAuthenticationCertificate } from '../servers/rules.ts'
import type { Notes, Plan, PlanQuestion, Take } from './plan.ts'
import type { AddedTrust } from './plan-trust.ts'

const SHA256_BYTES = 32

export function planCertificates(
  { source, register, certificates, now }: PlanQuestion,
  servers: ReadonlySet<string>,
  trust: AddedTrust,
  notes: Notes,
): { certificates: Take['certificates']; missing: Plan['missing'] } {
  const take: Take['certificates'] = []
  const missing: Plan['missing'] = []
  const authorities = {
    anchors: [
      ...register.authorities.filter(({ is_top }) => is_top === 1).map((one) => one.certificate),
      ...trust.services.map(({ top }) => top.certificate.der),
    ].map(readCertificate),
    intermediates: [
      ...register.authorities.filter(({ is_top }) => is_top === 0).map((one) => one.certificate),
      ...trust.intermediates.map(({ authority }) => authority.certificate.der),
    ].map(readCertificate),
  }
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
            const certificate = checkAuthenticationCertificate(der, authorities, now)
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
