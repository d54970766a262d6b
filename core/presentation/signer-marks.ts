/** By what the certificate of an issuer is told from others below the same anchor. */
import type { Certificate } from '#core/certificate/certificate.ts'
import { readableName } from '#core/certificate/name.ts'
import { Fault } from '#schemas/fault.ts'
import { isObject } from './json.ts'

/** All that is named must be in the certificate, exactly. */
export type SignerMark = {
  /** The whole subject, as RFC 2253 writes it, last part first. */
  subject?: string
  /** Subject alternative names. */
  dnsName?: string
  uri?: string
  /** A certificate policy, and an extended key usage, by OID. */
  policy?: string
  usage?: string
}

const NAMES = ['subject', 'dnsName', 'uri', 'policy', 'usage'] as const
const MAX_MARKS = 100

/**
 * Reads the marks that are `what`, such as `signers of State`. Throws `invalid_input`: a mark that nobody
 * reads would let in all.
 */
export function readSignerMarks(value: unknown, what: string): SignerMark[] {
  const wrong = new Fault('invalid_input', { what })
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_MARKS) throw wrong
  return value.map((one: unknown) => {
    if (!isObject(one) || Object.keys(one).length === 0) throw wrong
    for (const [member, text] of Object.entries(one))
      if (!NAMES.some((known) => known === member) || typeof text !== 'string' || text === '') throw wrong
    return one as SignerMark
  })
}

/** Whether the certificate bears one of the marks; any does where there are none. */
export function isMarked(certificate: Certificate, marks: SignerMark[] | undefined): boolean {
  return marks === undefined || marks.some((mark) => bears(certificate, mark))
}

function bears({ subject, extensions }: Certificate, mark: SignerMark): boolean {
  const { subjectAltNames = [], policies = [], extendedKeyUsage = [] } = extensions
  const isNamed = (kind: string, text: string): boolean =>
    subjectAltNames.some((one) => one.kind === kind && 'text' in one && one.text === text)
  return (
    (mark.subject === undefined || readableName(subject) === mark.subject) &&
    (mark.dnsName === undefined || isNamed('dNSName', mark.dnsName)) &&
    (mark.uri === undefined || isNamed('uniformResourceIdentifier', mark.uri)) &&
    (mark.policy === undefined || policies.includes(mark.policy)) &&
    (mark.usage === undefined || extendedKeyUsage.includes(mark.usage))
  )
}
