/** What people know a certificate by that a system shows. */
import { readCertificate } from '#core/certificate/certificate.ts'
import { nameText } from '#core/certificate/name.ts'
import { colonForm } from '#schemas/colon-identifiers.ts'
import { idText } from '#schemas/identifiers.ts'
import type { View } from './view.ts'

type CertificateFacts = { subject: string; notBefore: Date; notAfter: Date }

/**
 * By the bytes in the view, which stay until something changes: lists of all services ask again and again.
 */
const known = new WeakMap<Buffer, CertificateFacts>()

/** Of a certificate that was accepted once. */
export function certificateFacts(der: Buffer): CertificateFacts {
  let facts = known.get(der)
  if (facts === undefined) {
    const { subject, notBefore, notAfter } = readCertificate(der)
    facts = { subject: nameText(subject), notBefore, notAfter }
    known.set(der, facts)
  }
  return facts
}

type Pinned = CertificateFacts & { service: string; key: number; sha256: string }

/**
 * The certificates of which the systems of services have to show one, or one that it issued: a call fails
 * when it has ended. Without TLS and without verification they say nothing.
 */
export function pinnedCertificates({ servicesByKey }: Pick<View, 'servicesByKey'>): Pinned[] {
  return [...servicesByKey.values()]
    .filter(({ service }) => service.verifyTls && service.url.toLowerCase().startsWith('https:'))
    .flatMap(({ service, key, certificates }) =>
      certificates.map(({ sha256, der }) => ({
        ...{ service: colonForm(idText(service.id)), key, sha256 },
        ...certificateFacts(der),
      })),
    )
}
