/** The identifier elements of X-Road's configuration (identifiers.xsd), read strictly and written. */

import type { XmlElement } from '#core/xml/element.ts'
import { Fault, type FaultCode } from '#schemas/fault.ts'
import { type ClientId, checkCode, type MemberId, memberOf } from '#schemas/identifiers.ts'
import { type Sequence, sequenceOf } from './xml-reader.ts'
import { branch, IDENTIFIERS_NAMESPACE, type Lines, leaf } from './xml-write.ts'

/**
 * A code out of a configuration. X-Road only warns about '%', ':', ';', '/' and '\' in codes, and an old instance may
 * have published some: these are read (no path of ours can name them), everything else goes by `checkCode`.
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
  // A "MEMBER" with a subsystem code stands in files of X-Road's tests: the narrower reading grants less.
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
