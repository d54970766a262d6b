/**
 * Reads a certificate profile: exactly its fields, each within its bounds. The profile language has no loops,
 * calls or patterns.
 */
import {
  fieldsOf,
  integer,
  list,
  oneOf,
  optional,
  pattern,
  plainText,
  type Read,
  record,
  unique,
} from '#core/contract/fields.ts'
import {
  type CertificateDemands,
  type CertificateProfile,
  type Condition,
  type Part,
  PLACEHOLDERS,
  type Reading,
  type RequestedAttribute,
  SUBJECT_ATTRIBUTES,
} from '#schemas/certificate-profile.ts'
import { Fault } from '#schemas/fault.ts'

const MAX_PROFILE_BYTES = 16 * 1024

const attribute = oneOf(SUBJECT_ATTRIBUTES)
const short = plainText(50)
const line = plainText(255)

const value: Read<string> = (given, at) => {
  const text = line(given, at)
  const rest = PLACEHOLDERS.reduce((left, name) => left.replaceAll(`{${name}}`, ''), text)
  if (/[{}]/.test(rest)) throw wrong(at, `has braces around none of ${PLACEHOLDERS.join(', ')}`)
  return text
}

const request = unique(
  list(record<RequestedAttribute>({ attribute, label: line, value }), 1, 16),
  (one) => one.attribute,
)

const condition: Read<Condition> = (given, at) =>
  'is' in fieldsOf(given, at)
    ? record<Extract<Condition, { is: unknown }>>({
        attribute,
        is: oneOf(['present', 'absent', 'filled'] as const),
      })(given, at)
    : record<Extract<Condition, { startsWith: unknown }>>({
        attribute,
        startsWith: list(short, 1, 20),
      })(given, at)

const split = record<{ by: string; parts: number; at: number }>({
  by: pattern(/^[^\p{C}A-Za-z0-9]$/u, 'one character that is no letter or digit'),
  parts: integer(2, 8),
  at: integer(0, 7),
})

const part: Read<Part> = (given, at) => {
  const fields = fieldsOf(given, at)
  if ('value' in fields) return record<{ value: string }>({ value: line })(given, at)
  if ('instance' in fields)
    return record<{ instance: true }>({
      instance: (one, place) => {
        if (one !== true) throw wrong(place, 'is not true')
        return one
      },
    })(given, at)
  const read = record<Extract<Part, { attribute: unknown }>>({
    attribute,
    after: optional(short),
    digits: optional(integer(1, 50)),
    split: optional(split),
  })(given, at)
  if (read.split !== undefined && read.split.at >= read.split.parts)
    throw wrong(at, 'takes a part that is not there')
  return read
}

const demands = record<CertificateDemands>({
  keyUsage: optional(
    list(
      oneOf(['digitalSignature', 'nonRepudiation', 'keyEncipherment', 'dataEncipherment', 'keyAgreement']),
      1,
      9,
    ),
  ),
  extendedKeyUsage: optional(
    list(pattern(/^[0-2](?:\.(?:0|[1-9][0-9]{0,9})){1,15}$/, 'an object identifier'), 1, 8),
  ),
  keyAlgorithms: optional(list(oneOf(['RSA', 'EC'] as const), 1, 2)),
})

function readings(needed: (keyof Reading['parts'])[]): Read<Reading[]> {
  const one = record<Reading>({
    when: optional(list(condition, 1, 8)),
    need: optional(
      list(
        record<{ attribute: (typeof SUBJECT_ATTRIBUTES)[number]; equals?: string }>({
          attribute,
          equals: optional(line),
        }),
        1,
        8,
      ),
    ),
    parts: record<Reading['parts']>({
      instance: optional(part),
      memberClass: optional(part),
      memberCode: optional(part),
      serverCode: optional(part),
    }),
  })
  return list(
    (given, at) => {
      const read = one(given, at)
      const missing = needed.find((name) => read.parts[name] === undefined)
      if (missing !== undefined) throw wrong(at, `reads no ${missing}`)
      return read
    },
    1,
    16,
  )
}

const profile = record<CertificateProfile>({
  name: pattern(/^[A-Za-z][A-Za-z0-9_.]{0,254}$/, 'the name of a class'),
  title: line,
  signing: record<CertificateProfile['signing']>({
    request,
    identify: readings(['instance', 'memberClass', 'memberCode']),
    certificate: optional(demands),
  }),
  authentication: record<CertificateProfile['authentication']>({
    request,
    identify: optional(readings(['instance', 'serverCode'])),
    certificate: optional(demands),
  }),
})

/** Throws `invalid_input` that names the faulty field. */
export function readProfile(given: unknown): CertificateProfile {
  try {
    const read = profile(given, 'profile')
    if (JSON.stringify(read).length > MAX_PROFILE_BYTES)
      throw wrong('profile', `has more than ${MAX_PROFILE_BYTES} bytes`)
    return read
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.code === 'invalid_contract')
      throw new Fault('invalid_input', { what: thrown.what })
    throw thrown
  }
}

function wrong(at: string, what: string): Fault {
  return new Fault('invalid_input', { what: `${at} ${what}` })
}
