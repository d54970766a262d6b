/**
 * Reads the content of a service contract: exactly its fields, each within its bounds, identifiers in
 * canonical text form.
 */
import { createHash } from 'node:crypto'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import type {
  ContractConsumers,
  ContractContent,
  ContractService,
  ContractTerms,
  DataSubjectPlace,
  MandateServiceCheck,
  Representation,
} from '#schemas/contract.ts'
import { Fault } from '#schemas/fault.ts'
import { checkCode, idText, parseMemberId, parseServiceId, parseSubsystemId } from '#schemas/identifiers.ts'
import { checkEndpoint } from './endpoints.ts'
import {
  fieldsOf,
  flag,
  integer,
  isoTime,
  list,
  oneOf,
  optional,
  pattern,
  plainText,
  type Read,
  record,
  unique,
} from './fields.ts'
import { instancesOf, requiredSigners } from './parties.ts'
import { consentFault, consentRule } from './read-consent.ts'
import { previewFault, previewRule } from './read-preview.ts'

/** The maximum size of a content in canonical form, since it is part of a signed document. */
export const MAX_CONTENT_BYTES = 48 * 1024
/** A mandate can be withdrawn at any time: nobody relies on an old answer for longer. */
const MAX_ANSWER_SECONDS = 300
const MOST_YEARS_MS = 10 * 366 * 86_400_000

export const uuid = pattern(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, 'a UUID in lower case')
export const sha256 = pattern(/^[0-9a-f]{64}$/, '64 lower-case hexadecimal digits')
export const email = pattern(/^[^\s@\p{C}]{1,64}@[^\s@\p{C}]{1,189}$/u, 'an e-mail address')
const pointer = pattern(/^(?:\/(?:[^~/\p{C}]|~[01]){0,100}){1,16}$/u, 'a JSON Pointer')
const parameter = pattern(/^[A-Za-z0-9_.-]{1,100}$/, 'the name of a parameter')

export const memberId: Read<string> = canonicalId((text) => idText(parseMemberId(text)))
export const subsystemId: Read<string> = canonicalId((text) => idText(parseSubsystemId(text)))
export const serviceId: Read<string> = canonicalId((text) => idText(parseServiceId(text)))
export const code: Read<string> = canonicalId(checkCode)

const dataSubject: Read<DataSubjectPlace> = (value, at) => {
  const place = record<DataSubjectPlace>({
    in: oneOf(['path', 'query', 'header', 'body'] as const),
    name: (name) => name as string,
  })(value, at)
  ;(place.in === 'body' ? pointer : parameter)(place.name, `${at}.name`)
  return place
}

const role = pattern(/^[^\s\p{C},]{1,200}$/u, 'a role without spaces and commas')
const plainCheck = record<{ check: 'none' | 'asserted' | 'hostingMandate' }>({
  check: oneOf(['none', 'asserted', 'hostingMandate'] as const),
})
const mandateServiceCheck = record<MandateServiceCheck>({
  check: oneOf(['mandateService'] as const),
  service: pattern(/^[^\s\p{C}]{1,255}$/u, 'the name of a mandate service'),
  delegate: oneOf(['user', 'member'] as const),
  roles: unique(list(role, 1, 10), (one) => one),
  answerSeconds: optional(integer(0, MAX_ANSWER_SECONDS)),
})
const representation: Read<Representation> = (value, at) =>
  fieldsOf(value, at)['check'] === 'mandateService' ? mandateServiceCheck(value, at) : plainCheck(value, at)

const fields = unique(list(pointer, 0, 200), (one) => one)

const service: Read<ContractService> = record<ContractService>({
  serviceCode: code,
  endpoints: unique(
    list(
      (value, at) =>
        checkEndpoint(record<{ method: string; path: string }>({ method: raw, path: raw })(value, at), at),
      1,
      100,
    ),
    ({ method, path }) => `${method} ${path}`,
  ),
  requestFields: optional(fields),
  responseFields: optional(fields),
  dataSubject: optional(dataSubject),
  representation: optional(representation),
})

const consumers: Read<ContractConsumers> = (value, at) =>
  'globalGroup' in fieldsOf(value, at)
    ? record<{ globalGroup: string }>({ globalGroup: code })(value, at)
    : record<{ subsystems: string[] }>({
        subsystems: unique(list(subsystemId, 1, 50), (one) => one),
      })(value, at)

const quota = record<NonNullable<ContractTerms['quota']>>({
  perSecond: optional(integer(1, 100_000)),
  burst: optional(integer(1, 100_000)),
  perDay: optional(integer(1, 1_000_000_000)),
})

const content = record<ContractContent>({
  contract: uuid,
  version: integer(1, 1_000_000),
  supersedes: optional(sha256),
  title: plainText(255),
  provider: subsystemId,
  consumers,
  services: unique(list(service, 1, 50), ({ serviceCode }) => serviceCode),
  purpose: plainText(2000),
  legalBasis: plainText(2000),
  personalData: flag,
  logLevel: oneOf(['full', 'digest', 'none'] as const),
  retentionDays: integer(1, 36_600),
  secret: optional(
    record<NonNullable<ContractTerms['secret']>>({
      visibleTo: unique(list(memberId, 1, 20), (one) => one),
    }),
  ),
  quota: optional(quota),
  consent: optional(consentRule),
  preview: optional(previewRule),
  validFrom: isoTime,
  validUntil: isoTime,
  reviewAt: isoTime,
  critical: flag,
  outageGraceHours: integer(0, 24),
  outageGracePersonalData: optional(flag),
  contacts: list(
    record<ContractTerms['contacts'][number]>({ member: memberId, name: plainText(255), email }),
    1,
    20,
  ),
})

/** Reads the content; throws `invalid_contract` that names the faulty place. */
export function readContent(value: unknown): ContractContent {
  const read = content(value, 'contract')
  const { validFrom, validUntil, reviewAt } = read
  if (validFrom >= validUntil) throw wrong('validFrom has to be before validUntil')
  if (Date.parse(validUntil) - Date.parse(validFrom) > MOST_YEARS_MS)
    throw wrong('it may hold for ten years at most: propose a new version then')
  if (reviewAt < validFrom || reviewAt > validUntil)
    throw wrong('reviewAt has to lie between validFrom and validUntil')
  if (Buffer.byteLength(contentText(read)) > MAX_CONTENT_BYTES)
    throw wrong(`it is larger than ${MAX_CONTENT_BYTES} bytes`)
  if ('subsystems' in read.consumers && read.consumers.subsystems.includes(read.provider))
    throw wrong('the provider cannot be its own consumer')
  if (read.outageGracePersonalData !== undefined && !(read.personalData && read.outageGraceHours > 0))
    throw wrong('outageGracePersonalData is said of personalData and of outageGraceHours above 0')
  if (
    read.services.some((one) => one.representation?.check === 'hostingMandate') &&
    instancesOf(read).length > 1
  )
    throw wrong('hosting mandates are of one instance: representation cannot ask for one here')
  const unasked = consentFault(read) ?? previewFault(read)
  if (unasked !== undefined) throw wrong(unasked)
  const stranger = 'subsystems' in read.consumers && read.secret?.visibleTo.find((one) => !isParty(one, read))
  if (stranger) throw wrong(`secret.visibleTo names ${stranger}, which is no party`)
  return read
}

/** The canonical text of a content (RFC 8785). */
export function contentText(value: ContractContent): string {
  return canonicalJson(value)
}

/** SHA-256, hex, of the canonical form. */
export function contentHash(value: ContractContent): string {
  return createHash('sha256').update(contentText(value)).digest('hex')
}

function isParty(member: string, content: ContractContent): boolean {
  return requiredSigners(content).includes(member)
}

function raw(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** Accepts the canonical text of an identifier only, so that texts can be compared. */
function canonicalId(canonical: (text: string) => string): Read<string> {
  return (value, at) => {
    if (typeof value !== 'string' || value.length > 1100) throw wrong(`${at} is no identifier`)
    let text: string
    try {
      text = canonical(value)
    } catch (cause) {
      throw new Fault('invalid_contract', { what: `${at} is no identifier of its kind`, cause })
    }
    if (text !== value) throw wrong(`${at} is not in its canonical form`)
    return text
  }
}

function wrong(what: string): Fault {
  return new Fault('invalid_contract', { what })
}
