/**
 * Checks the duties of issuers in RFC 5280 section 4.2 that path validation relies on: key identifiers,
 * extensions that only certificates of authorities may have, and how names are written. docs/divergences.md
 * lists the duties that are not checked.
 */
import { children, parseDer, TAG } from '#core/asn1/der.ts'
import { OID } from '#core/asn1/oids.ts'
import { type Said, say } from '#schemas/said.ts'
import { type GeneralName, readGeneralNames } from './general-name.ts'
import { type Certificate, readAlgorithmIdentifier } from './parse-certificate.ts'

const ISSUER_ALT_NAME = '2.5.29.18'
const MAX_HOST = 253
/** RFC 1034 section 3.5, changed by RFC 1123 section 2.1. */
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i
const LOCAL_PART = /^(?:[^\s"(),:;<>@[\\\]]{1,64}|"(?:[^"\\]|\\.){1,62}")$/
const URI =
  /^[a-z][a-z0-9+.-]*:(?:\/\/(?:[^/?#\s@]*@)?(?:\[[0-9a-f:.]+\]|[^/?#\s:@[\]]+)(?::[0-9]*)?(?:[/?#][^\s]*)?|(?!\/\/)[^\s]+)$/i

/**
 * The duty that the issuer of this certificate neglected, or undefined. Applies to certificates at every
 * position of a path.
 */
export function neglectedDuty({ extensions, spki }: Certificate): Said | undefined {
  const { all, authorityKeyIdentifier: id, basicConstraints, nameConstraints } = extensions
  if (nameConstraints !== undefined && basicConstraints?.ca !== true)
    return say`name constraints in a certificate that is not a CA`
  if (all.get(OID.nameConstraints)?.critical === false) return say`name constraints that are not critical`
  if (!hasNamedCurve(spki)) return say`a key on a curve without a name`
  if ((id?.issuer === undefined) !== (id?.serialNumber === undefined))
    return say`an authority key identifier with half of issuer and serial number`
  const issuerNames = all.get(ISSUER_ALT_NAME)
  const names = [
    ...(extensions.subjectAltNames ?? []),
    ...(issuerNames === undefined ? [] : readGeneralNames(parseDer(issuerNames.value))),
  ]
  const wrong = names.find((name) => !isWellWritten(name))
  return wrong && say`an alternative name (${wrong.kind}) that is not written as RFC 5280 says`
}

/**
 * The neglected duty between a certificate and its issuer's certificate (4.2.1.1, .2), or undefined: the
 * authority key identifier must equal the issuer's subject key identifier.
 */
export function neglectedLink(certificate: Certificate, issuer: Certificate): Said | undefined {
  const own = issuer.extensions.subjectKeyIdentifier
  if (own === undefined) return say`an issuer without a subject key identifier`
  const named = certificate.extensions.authorityKeyIdentifier?.keyIdentifier
  if (named === undefined) return say`a certificate without an authority key identifier`
  return own.equals(named) ? undefined : say`an authority key identifier of another key than the issuer has`
}

/**
 * RFC 5480 2.1.1: with explicit curve parameters an attacker can choose a base point for which he knows the
 * private key.
 */
function hasNamedCurve(spki: Buffer): boolean {
  const { oid, parameters } = readAlgorithmIdentifier(children(parseDer(spki))[0]!)
  return oid !== OID.ecPublicKey || parameters?.[0] === TAG.oid
}

/** 4.2.1.6 */
function isWellWritten(name: GeneralName): boolean {
  switch (name.kind) {
    case 'dNSName':
      return isHost(name.text.startsWith('*.') ? name.text.slice(2) : name.text)
    case 'rfc822Name': {
      const at = name.text.lastIndexOf('@')
      return LOCAL_PART.test(name.text.slice(0, Math.max(at, 0))) && isHost(name.text.slice(at + 1))
    }
    case 'uniformResourceIdentifier':
      return URI.test(name.text)
    case 'iPAddress':
      return name.bytes.length === 4 || name.bytes.length === 16
    default:
      return true
  }
}

/** The last label must not be a number, else the text would be an IP address. */
function isHost(text: string): boolean {
  const labels = text.split('.')
  return (
    text.length <= MAX_HOST && labels.every((label) => LABEL.test(label)) && !/^\d+$/.test(labels.at(-1)!)
  )
}
