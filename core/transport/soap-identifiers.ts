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

/** A member or subsystem; objectType and parts must agree. */
export function readClient(element: SoapElement): ClientId {
  const type = checkObjectType(element, ['MEMBER', 'SUBSYSTEM'])
  const part = codesOf(element, ['xRoadInstance', 'memberClass', 'memberCode', 'subsystemCode'])
  // X-Road does not look; with both readings allowed the client would be two.
  if ((type === 'SUBSYSTEM') !== (part.subsystemCode !== undefined)) {
    throw new Fault('invalid_xml', { what: 'objectType and subsystemCode of the client disagree' })
  }
  return memberParts(part)
}

/** A service, with or without subsystem and version. */
export function readService(element: SoapElement): SoapService {
  checkObjectType(element, ['SERVICE'])
  const names = [
    'xRoadInstance',
    'memberClass',
    'memberCode',
    'subsystemCode',
    'serviceCode',
    'serviceVersion',
  ]
  const part = codesOf(element, names)
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
  const part = codesOf(element, ['xRoadInstance', 'memberClass', 'memberCode', 'serverCode'])
  return { ...memberParts(part), serverCode: required(part, 'serverCode') }
}

/** Of the third-party representation extension. */
export function readParty(element: SoapElement): RepresentedParty {
  const part = codesOf(element, ['partyClass', 'partyCode'], REPRESENTATION)
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

function codesOf(element: SoapElement, names: string[], namespace = IDENTIFIERS): Codes {
  const found = byName(element, new Set(names.map((name) => `{${namespace}}${name}`)))
  return Object.fromEntries([...found].map(([, child]) => [child.name, checkCode(child.text())]))
}

function required(part: Codes, name: string): string {
  const value = part[name]
  if (value === undefined) throw new Fault('missing_header_field', { what: name })
  return value
}

/** The children of these '{namespace}local' names, each of which may stand once. */
export function byName(parent: SoapElement, names: ReadonlySet<string>): Map<string, SoapElement> {
  const found = new Map<string, SoapElement>()
  for (const child of parent.children()) {
    const name = `{${child.namespace}}${child.name}`
    if (!names.has(name)) continue
    if (found.has(name)) throw new Fault('duplicate_header_field', { what: child.name })
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
