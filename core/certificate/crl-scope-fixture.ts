/**
 * Whether a CRL with an issuing distribution point (RFC 5280 5.2.5) covers a certificate, for all reasons.
 */
import { children, type Der, expectTag, onlyChild, parseDer, readBoolean, TAG } from '#core/asn1/der.ts'
import { OID } from '#core/asn1/oids.ts'
import type { Extension } from './extensions.ts'
import { type GeneralName, readGeneralNames } from './general-name.ts'
import { comparableRdn, comparableRdns, type Name, readRdn } from './name.ts'
import type { Certificate } from './parse-certificate.ts'

/**
 * Also false for scopes that this module does not know: some reasons only, indirect lists, attribute
 * certificates.
 */
export function coversCertificate(scope: Extension | undefined, certificate: Certificate): boolean {
  if (scope === undefined) return true
  const fields = children(expectTag(parseDer(scope.value), TAG.sequence, 'issuing distribution point'))
  const ca = certificate.extensions.basicConstraints?.ca === true
  return fields.every((field) => {
    switch (field.tag) {
      case 0xa0:
        return isNamed(field, certificate)
      case 0x81:
        return !readBoolean(field, 0x81) || !ca
      case 0x82:
        return !readBoolean(field, 0x82) || ca
      default:
        return false
    }
  })
}

/** Whether the certificate names this distribution point, for all reasons and without another CRL issuer. */
function isNamed(distributionPoint: Der, certificate: Certificate): boolean {
  const points = certificate.extensions.all.get(OID.cRLDistributionPoints)
  if (points === undefined) return false
  const names = namesOf(distributionPoint, certificate.issuer)
  return children(parseDer(points.value)).some((point) => {
    const [name, ...limits] = children(point)
    if (name?.tag !== 0xa0 || limits.length > 0) return false
    return namesOf(name, certificate.issuer).some((own) => names.includes(own))
  })
}

/** A DistributionPointName as texts to compare: full names, or one relative to the issuer. */
function namesOf(distributionPoint: Der, issuer: Name): string[] {
  const name = onlyChild(distributionPoint)
  if (name.tag === 0xa0) return readGeneralNames(name).map(comparable)
  return [directoryText([...comparableRdns(issuer), comparableRdn(readRdn(name, 0xa1))])]
}

function comparable(name: GeneralName): string {
  if (name.kind === 'directoryName') return directoryText(comparableRdns(name.name))
  if (name.kind === 'iPAddress') return `${name.kind} ${name.bytes.toString('hex')}`
  return `${name.kind} ${'text' in name ? name.text : name.raw.toString('hex')}`
}

function directoryText(rdns: string[]): string {
  return `directoryName ${JSON.stringify(rdns)}`
}
