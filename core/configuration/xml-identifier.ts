/** The identifier elements of X-Road's configuration (identifiers.xsd), read strictly and written. */

import type { XmlElement } from '#core/xml/element.ts'
import { Fault, type FaultCode } from '#schemas/fault.ts'
import { type ClientId, checkCode, type MemberId, memberOf } from '#schemas/identifiers.ts'
import { type Sequence, sequenceOf } from './xml-reader.ts'
import { branch, IDENTIFIERS_NAMESPACE, type Lines, leaf } from './xml-write.ts'

/**
 * Reads a code from a configuration. X-Road only warns about '%', ':', ';', '/' and '\' in codes, so an old
 * instance may have published some. These are accepted, although our paths cannot contain them; all other
 * codes must pass `checkCode`.
 */
export function codeOf(text: string, code: FaultCode): string {
  try {
    checkCode(text.replace(/[%:;/\\]/g, '_'))
    return text
  } catch (cause) {
    throw new Fault(code, { what: `the code ${JSON.stringify(text.slice(0, 40))} is not allowed`, cause })
  }
}

/** Reads an XRoadClientIdentifierType: a member or a subsystem. */
export function readClientId(element: XmlElement, code: FaultCode): ClientId {
  const kind = element.attributes.get(`{${IDENTIFIERS_NAMESPACE}}objectType`)
  const sequence: Sequence = sequenceOf(element, code, IDENTIFIERS_NAMESPACE)
  const member: MemberId = {
    instance: codeOf(sequence.text('xRoadInstance'), code),
    memberClass: codeOf(sequence.text('memberClass'), code),
    memberCode: codeOf(sequence.text('memberCode'), code),
  }
  const subsystemCode = sequence.maybeText('subsystemCode')
  sequence.end()
  // X-Road's test files contain a "MEMBER" with a subsystem code; reading it as a subsystem grants less.
  if (subsystemCode !== undefined && (kind === 'SUBSYSTEM' || kind === 'MEMBER')) {
    return { ...member, subsystemCode: codeOf(subsystemCode, code) }
  }
  if (kind === 'MEMBER') return member
  throw new Fault(code, {
    what: `${element.name}: objectType is neither a member nor a subsystem with its code`,
  })
}

/** Writes an XRoadClientIdentifierType. */
export function clientIdLines(name: string, id: ClientId): Lines {
  const { instance, memberClass, memberCode } = memberOf(id)
  return branch(
    name,
    [
      ...leaf('ns2:xRoadInstance', instance),
      ...leaf('ns2:memberClass', memberClass),
      ...leaf('ns2:memberCode', memberCode),
      ...leaf('ns2:subsystemCode', id.subsystemCode),
    ],
    { 'ns2:objectType': id.subsystemCode === undefined ? 'MEMBER' : 'SUBSYSTEM' },
  )
}
