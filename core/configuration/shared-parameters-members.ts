/**
 * Reads the members and security servers of shared-params. Identifiers must be unique, and every reference
 * must point to a member or subsystem of the same document.
 */

import type { XmlElement } from '#core/xml/element.ts'
import { Fault } from '#schemas/fault.ts'
import type { SecurityServerInfo } from '#schemas/global-configuration.ts'
import type { Packing } from './pack-shared.ts'
import { codeOf } from './xml-identifier.ts'
import { base64Of, type Sequence, sequenceOf, textOf } from './xml-reader.ts'

const CODE = 'malformed_global_conf'
const SHA1_BYTES = 20
const SHA256_BYTES = 32

/** Maps the xml id, to which servers refer, to the number of the member or subsystem. */
export type ByXmlId = Map<string, number>

/** Reads a `member` with its subsystems. */
export function readMember(element: XmlElement, instance: string, packing: Packing, byXmlId: ByXmlId): void {
  const fields = sequenceOf(element, CODE)
  const memberClass = sequenceOf(fields.one('memberClass'), CODE)
  const classCode = codeOf(memberClass.text('code'), CODE)
  const description = memberClass.text('description')
  memberClass.end()
  const id = { instance, memberClass: classCode, memberCode: codeOf(fields.text('memberCode'), CODE) }
  const owner = packing.member(id, fields.text('name'), description)
  noteXmlId(element, owner, byXmlId)
  fields.many('subsystem', (child) => {
    const subsystem = sequenceOf(child, CODE)
    const code = codeOf(subsystem.text('subsystemCode'), CODE)
    const name = subsystem.maybeText('subsystemName')
    subsystem.end()
    noteXmlId(child, packing.subsystem(owner, code, name), byXmlId)
  })
  fields.end()
}

function noteXmlId(element: XmlElement, number: number, byXmlId: ByXmlId): void {
  const xmlId = element.attributes.get('id')?.trim()
  if (xmlId === undefined) return
  if (byXmlId.has(xmlId)) throw new Fault(CODE, { what: `two elements have the id ${xmlId.slice(0, 40)}` })
  byXmlId.set(xmlId, number)
}

/** Reads a `securityServer`. */
export function readSecurityServer(element: XmlElement, packing: Packing, byXmlId: ByXmlId): void {
  const fields = sequenceOf(element, CODE)
  const owner = resolve(fields.one('owner'), byXmlId)
  if (!packing.isMember(owner))
    throw new Fault(CODE, { what: 'the owner of a security server is not a member' })
  const code = codeOf(fields.text('serverCode'), CODE)
  const address = fields.maybeText('address')
  const authCertHashes = fields.many('authCertHash', readAuthCertHash)
  const clients = fields.many('client', (client) => resolve(client, byXmlId))
  const maintenance = readMaintenance(fields)
  fields.end()
  packing.server(owner, code, { address, authCertHashes, maintenance }, clients)
}

function readMaintenance(server: Sequence): SecurityServerInfo['maintenance'] {
  const element = server.maybe('inMaintenanceMode')
  if (element === undefined) return undefined
  const fields = sequenceOf(element, CODE)
  const message = fields.maybeText('message')
  fields.end()
  return { message }
}

function readAuthCertHash(element: XmlElement): Buffer {
  const hash = base64Of(element, CODE)
  if (hash.length !== SHA256_BYTES && hash.length !== SHA1_BYTES) {
    throw new Fault(CODE, { what: 'authCertHash is neither SHA-256 nor (version 2) SHA-1' })
  }
  return hash
}

function resolve(element: XmlElement, byXmlId: ByXmlId): number {
  const reference = textOf(element, CODE).trim()
  const target = byXmlId.get(reference)
  if (target === undefined) {
    throw new Fault(CODE, { what: `${element.name} refers to ${reference.slice(0, 40)}, which is nowhere` })
  }
  return target
}
