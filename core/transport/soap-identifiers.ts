/** The identifiers in a SOAP header: named children, each once, under the objectType that fits them. */
import { Fault } from '#schemas/fault.ts'
import { type ClientId, checkCode, type ServerId } from '#schemas/identifiers.ts'
import type { RepresentedParty } from './rest-request.ts'
import type { SoapElement } from './soap-document.ts'

/** A service as SOAP names it: the subsystem may be absent. */
export type SoapService = ClientId & { serviceCode: string; serviceVersion?: string | undefined }

const IDENTIFIERS = 'http://x-road.eu/xsd/identifiers'
export const REPRESENTATION = 'http://x-road.eu/xsd/representation.xsd'
const OBJECT_TYPE = `{${IDENTIFIERS}}objectType`

/** Namespaces by the local names that are wanted. */
export type WantedNames = ReadonlyMap<string, string>

/** Entries of WantedNames. */
export function namesIn(namespace: string, names: readonly string[]): [name: string, namespace: string][] {
  return names.map((name) => [name, namespace])
}

const MEMBER = ['xRoadInstance', 'memberClass', 'memberCode']
const CLIENT: WantedNames = new Map(namesIn(IDENTIFIERS, [...MEMBER, 'subsystemCode']))
const SERVICE: WantedNames = new Map(
  namesIn(IDENTIFIERS, [...MEMBER, 'subsystemCode', 'serviceCode', 'serviceVersion']),
)
const SERVER: WantedNames = new Map(namesIn(IDENTIFIERS, [...MEMBER, 'serverCode']))
const PARTY: WantedNames = new Map(namesIn(REPRESENTATION, ['partyClass', 'partyCode']))

/** A member or subsystem; objectType and parts must agree. */
export function readClient(element: SoapElement): ClientId {
  const type = checkObjectType(element, ['MEMBER', 'SUBSYSTEM'])
  const part = codesOf(element, CLIENT)
  // X-Road does not look; with both readings allowed the client would be two.
  if ((type === 'SUBSYSTEM') !== (part.subsystemCode !== undefined)) {
    throw new Fault('invalid_xml', { what: 'objectType and subsystemCode of the client disagree' })
  }
  return memberParts(part)
}

/** A service, with or without subsystem and version. */
export function readService(element: SoapElement): SoapService {
  checkObjectType(element, ['SERVICE'])
  const part = codesOf(element, SERVICE)
  const version = part.serviceVersion
  return {
    ...memberParts(part),
    serviceCode: required(part, 'serviceCode'),
    ...(version === undefined ? {} : { serviceVersion: version }),
  }
}

/** A security server. */
export function readServer(element: SoapElement): ServerId {
  checkObjectType(element, ['SERVER'])
  const part = codesOf(element, SERVER)
  return { ...memberParts(part), serverCode: required(part, 'serverCode') }
}

/** Of the third-party representation extension. */
export function readParty(element: SoapElement): RepresentedParty {
  const part = codesOf(element, PARTY)
  const memberCode = required(part, 'partyCode')
  return part.partyClass === undefined ? { memberCode } : { memberClass: part.partyClass, memberCode }
}

type Codes = Record<string, string | undefined>

function memberParts(part: Codes): ClientId {
  const { subsystemCode } = part
  return {
    instance: required(part, 'xRoadInstance'),
    memberClass: required(part, 'memberClass'),
    memberCode: required(part, 'memberCode'),
    ...(subsystemCode === undefined ? {} : { subsystemCode }),
  }
}

function codesOf(element: SoapElement, names: WantedNames): Codes {
  const codes: Codes = {}
  for (const [name, child] of byName(element, names)) codes[name] = checkCode(child.text())
  return codes
}

function required(part: Codes, name: string): string {
  const value = part[name]
  if (value === undefined) throw new Fault('missing_header_field', { what: name })
  return value
}

/** The children that are wanted, by local name; each of them may stand once. */
export function byName(parent: SoapElement, wanted: WantedNames): Map<string, SoapElement> {
  const found = new Map<string, SoapElement>()
  for (const child of parent.children()) {
    const { name } = child
    if (wanted.get(name) !== child.namespace) continue
    if (found.has(name)) throw new Fault('duplicate_header_field', { what: name })
    found.set(name, child)
  }
  return found
}

function checkObjectType(element: SoapElement, allowed: string[]): string {
  const type = element.attribute(OBJECT_TYPE)
  if (type === undefined || !allowed.includes(type)) {
    throw new Fault('invalid_xml', { what: `the objectType of ${element.name} is missing or another` })
  }
  return type
}
