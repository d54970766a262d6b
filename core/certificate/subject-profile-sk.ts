/** The Estonian profile SkKlass3: organizationIdentifier, or on older certificates the register code in serialNumber. */
import { OID } from '#core/asn1/oids.ts'
import type { MemberId } from '#schemas/identifiers.ts'
import type { Name } from './name.ts'
import { incorrect, needed, single } from './subject-attributes.ts'

// Prefixes of organizationIdentifier (EN 319 412-1), six characters each, by register.
const REGISTERS: Record<string, string> = { 'NTREE-': 'COM', 'GO:EE-': 'GOV', 'NP:EE-': 'NGO' }

/** The member in a subject of SkKlass3; foreign organisations are of class NEE, under their whole identifier. */
export function skKlass3Member(subject: Name, instance: string): MemberId {
  const organization = single(subject, OID.organizationIdentifier)
  if (organization === undefined || organization === '') return byRegisterCode(subject, instance)
  const memberClass = REGISTERS[organization.slice(0, 6)]
  if (memberClass === undefined) return { instance, memberClass: 'NEE', memberCode: organization }
  return { instance, memberClass, memberCode: organization.slice(6) }
}

function byRegisterCode(subject: Name, instance: string): MemberId {
  const memberCode = needed(subject, 'serialNumber')
  if (!/^[1-9][0-9]{7}$/.test(memberCode))
    throw incorrect('the subject serialNumber is not an Estonian register code')
  const first = memberCode[0]!
  const memberClass = first < '7' ? 'COM' : first === '7' ? 'GOV' : 'NGO'
  return { instance, memberClass, memberCode }
}
