/**
 * Checks the subject of a request against X-Road's FiVRK profile, so that only usable certificates are
 * issued.
 */
import { attribute, type Name } from '#core/certificate/name.ts'
import { Fault } from '#schemas/fault.ts'
import type { Profile } from '../profiles.ts'

/** Throws `invalid_request` that names the wrong attribute. */
export function checkSubject(subject: Name, kind: Profile['subject'], instance: string): void {
  if (subject.rdns.length === 0) throw refused('is empty')
  if (kind === 'any') return
  if (attribute(subject, 'C') !== 'FI') throw refused('needs C=FI')
  if (!attribute(subject, 'O')) throw refused('needs O, the name of the member')
  const parts = attribute(subject, 'serialNumber')?.split('/') ?? []
  if (parts.length !== 3 || parts.includes('')) {
    throw refused('needs serialNumber=instance/serverCode/memberClass')
  }
  if (parts[0] !== instance) throw refused(`names another instance in serialNumber than ${instance}`)
  const name = kind === 'member' ? 'the member code' : "the server's DNS name"
  if (!attribute(subject, 'CN')) throw refused(`needs CN, ${name}`)
}

function refused(what: string): Fault {
  return new Fault('invalid_request', { what: `certificate request: its subject ${what}` })
}
