/** GeneralName (RFC 5280 4.2.1.6): the names in subjectAltName, name constraints and distribution points. */
import { children, type Der, malformed, onlyChild, readIa5, readOctetString } from '#core/asn1/der.ts'
import { type Name, readName } from './name.ts'

export type GeneralName =
  | { kind: 'rfc822Name' | 'dNSName' | 'uniformResourceIdentifier'; text: string }
  | { kind: 'iPAddress'; bytes: Buffer }
  | { kind: 'directoryName'; name: Name }
  | { kind: 'otherName' | 'x400Address' | 'ediPartyName' | 'registeredID'; raw: Buffer }

export type GeneralNameKind = GeneralName['kind']

// Every name is compared with every constraint of the authorities above it, so the product of both numbers
// must stay small.
const MAX_NAMES = 512

/** Reads one GeneralName; throws `malformed_der`. */
export function readGeneralName(der: Der): GeneralName {
  switch (der.tag) {
    case 0xa0:
      return { kind: 'otherName', raw: der.raw }
    case 0x81:
      return { kind: 'rfc822Name', text: readIa5(der, 0x81) }
    case 0x82:
      return { kind: 'dNSName', text: readIa5(der, 0x82) }
    case 0xa3:
      return { kind: 'x400Address', raw: der.raw }
    case 0xa4:
      return { kind: 'directoryName', name: readName(onlyChild(der)) }
    case 0xa5:
      return { kind: 'ediPartyName', raw: der.raw }
    case 0x86:
      return { kind: 'uniformResourceIdentifier', text: readIa5(der, 0x86) }
    case 0x87:
      return { kind: 'iPAddress', bytes: readOctetString(der, 0x87) }
    case 0x88:
      return { kind: 'registeredID', raw: der.raw }
    default:
      throw malformed('general name of unknown kind')
  }
}

/** Reads the elements inside `der` as GeneralNames: at least one, at most 512. */
export function readGeneralNames(der: Der): GeneralName[] {
  const names = children(der)
  if (names.length === 0 || names.length > MAX_NAMES) throw malformed('wrong number of general names')
  return names.map(readGeneralName)
}
