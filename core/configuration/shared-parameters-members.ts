/**
 * Reads the members and security servers of shared-params: identifiers are unique, every reference leads to a member or
 * subsystem of the same document.
 */

import { Fault } from '#schemas/fault.ts'
import type { MemberInfo, SecurityServerInfo } from '#schemas/global-configuration.ts'
import { type ClientId, idText, type MemberId } from '#schemas/identifiers.ts'
import { codeOf } from './xml-identifier.ts'
import { base64Of, type Sequence, sequenceOf, textOf } from './xml-reader.ts'
import type { XmlElement } from './xml-tree.ts'

const CODE = 'malformed_global_conf'
const SHA1_BYTES = 20
const SHA256_BYTES = 32

type ByXmlId = Map<string, { id: ClientId; isMember: boolean }>

/** Reads `member` elements; `byXmlId` resolves the xml ids that servers refer to. */
export function readMembers(
  elements: XmlElement[],
  instance: string,
): { members: MemberInfo[]; byXmlId: ByXmlId } {
  const byXmlId: ByXmlId = new Map()
  const seen = new Set<string>()
  const enter = (element: XmlElement, id: ClientId, isMember: boolean): void => {
    const text = idText(id)
    if (seen.has(text)) throw new Fault(CODE, { what: `${text} stands twice` })
    seen.add(text)
    const xmlId = element.attributes.get('id')?.trim()
    if (xmlId === undefined) return
    if (byXmlId.has(xmlId)) throw new Fault(CODE, { what: `two elements have the id ${xmlId.slice(0, 40)}` })
    byXmlId.set(xmlId, { id, isMember })
  }
  const members = elements.map((element): MemberInfo => {
    const fields = sequenceOf(element, CODE)
    const memberClass = sequenceOf(fields.one('memberClass'), CODE)
    const classCode = codeOf(memberClass.text('code'), CODE)
    const memberClassDescription = memberClass.text('description')
    memberClass.end()
    const id: MemberId = {
      instance,
      memberClass: classCode,
      memberCode: codeOf(fields.text('memberCode'), CODE),
    }
    enter(element, id, true)
    const name = fields.text('name')
    const subsystems = fields.many('subsystem').map((child) => {
      const subsystem = readSubsystem(child, id)
      enter(child, subsystem.id, false)
      return subsystem
    })
    fields.end()
    return { id, memberClassDescription, name, subsystems }
  })
  return { members, byXmlId }
}

function readSubsystem(element: XmlElement, member: MemberId): MemberInfo['subsystems'][number] {
  const fields = sequenceOf(element, CODE)
  const subsystemCode = codeOf(fields.text('subsystemCode'), CODE)
  const name = fields.maybeText('subsystemName')
  fields.end()
  return { id: { ...member, subsystemCode }, name }
}

/** Reads `securityServer` elements. */
export function readSecurityServers(elements: XmlElement[], byXmlId: ByXmlId): SecurityServerInfo[] {
  const seen = new Set<string>()
  return elements.map((element) => {
    const fields = sequenceOf(element, CODE)
    const owner = resolve(fields.one('owner'), byXmlId)
    if (!owner.isMember) throw new Fault(CODE, { what: 'the owner of a security server is not a member' })
    const id = { ...owner.id, serverCode: codeOf(fields.text('serverCode'), CODE) }
    const text = idText(id)
    if (seen.has(text)) throw new Fault(CODE, { what: `the security server ${text} stands twice` })
    seen.add(text)
    const address = fields.maybeText('address')
    const authCertHashes = fields.many('authCertHash').map(readAuthCertHash)
    const clients = fields.many('client').map((client) => resolve(client, byXmlId).id)
    const maintenance = readMaintenance(fields)
    fields.end()
    return { id, address, authCertHashes, clients, maintenance }
  })
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

function resolve(element: XmlElement, byXmlId: ByXmlId): { id: ClientId; isMember: boolean } {
  const reference = textOf(element, CODE).trim()
  const target = byXmlId.get(reference)
  if (target === undefined) {
    throw new Fault(CODE, { what: `${element.name} refers to ${reference.slice(0, 40)}, which is nowhere` })
  }
  return target
}
