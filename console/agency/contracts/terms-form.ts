/** Converts the terms of a contract to the fields of a form and back. Pure. The server checks the terms. */
import { partyId } from '../../kit/contract.tsx'
import type { Field, Find, Values } from '../../kit/field.tsx'
import { local } from '../records/query.ts'
import { consentFields, consentOf } from './consent-form.ts'
import type { Terms } from './contract.tsx'
import {
  choice,
  given,
  line,
  linesOf,
  long,
  numberOf,
  optional,
  picked,
  time,
  whole,
  yesNo,
} from './form-fields.ts'
import { previewFields, previewOf } from './preview-form.ts'

export type Counts = Record<'consumers' | 'services' | 'visible' | 'attributes' | 'contacts', number>

/** What the fields pick from. */
type Finds = { subsystems: Find; groups: Find; services: Find; members: Find }

/** Means an empty list of fields; a missing list means any field. */
const NO_FIELD = 'none'

/** The first field of a consumer. */
export const FIRST_CONSUMER = 'consumer0'

/**
 * The form's fields for a number of consumers, services, members that see a secret contract, attested
 * attributes, and contacts.
 */
export function fieldsOf(
  of: Partial<Terms>,
  { consumers: many, services, visible, attributes, contacts }: Counts,
  finds: Finds,
): Field[] {
  const { consumers } = of
  const named = consumers && 'subsystems' in consumers ? consumers.subsystems : []
  return [
    ...inSection('parties', [
      line('title', 'contract.titleField', 255, of.title),
      picked(line('provider', 'contract.provider', 1100, idOf(of.provider)), finds.subsystems),
      ...range(many).map((at) => ({
        ...picked(line(`consumer${at}`, 'contract.consumerField', 1100, idOf(named[at])), finds.subsystems),
        ...{ titled: { at: at + 1 }, required: false },
        ...(at === 0 ? { hint: 'contract.consumersHint' as const } : {}),
      })),
      {
        ...picked(line('globalGroup', 'contract.groupField', 255, groupOf(consumers)), finds.groups),
        ...{ hint: 'contract.groupHint', required: false },
      },
    ]),
    ...range(services).flatMap((at) => serviceFields(of.services?.[at], at, finds)),
    ...inSection('purpose', [
      { ...long('purpose', 'contract.purpose', of.purpose), maxLength: 2000 },
      { ...long('legalBasis', 'contract.legalBasis', of.legalBasis), maxLength: 2000 },
      yesNo('personalData', 'contract.personalData', of.personalData),
      choice('logLevel', 'contract.logLevel', of.logLevel, [
        ['full', 'contract.log.full'],
        ['digest', 'contract.log.digest'],
        ['none', 'contract.log.none'],
      ]),
      whole('retentionDays', 'contract.retentionDays', of.retentionDays),
    ]),
    ...inSection('time', [
      time('validFrom', 'contract.validFrom', of.validFrom),
      time('validUntil', 'contract.validUntil', of.validUntil),
      time('reviewAt', 'contract.reviewAt', of.reviewAt),
    ]),
    ...inSection(
      'contacts',
      range(contacts).flatMap((at) => contactFields(of.contacts?.[at], at, finds)),
    ),
    ...inSection('quota', [
      optional(whole('perSecond', 'contract.quotaPerSecond', of.quota?.perSecond)),
      optional(whole('burst', 'contract.quotaBurst', of.quota?.burst)),
      optional(whole('perDay', 'contract.quotaPerDay', of.quota?.perDay)),
    ]),
    ...inSection('consent', consentFields(of.consent, attributes)),
    ...inSection('preview', previewFields(of.preview)),
    ...inSection(
      'secret',
      range(visible).map((at) => ({
        ...picked(
          line(`visibleTo${at}`, 'contract.secretField', 1100, idOf(of.secret?.visibleTo[at])),
          finds.members,
        ),
        ...{ titled: { at: at + 1 }, required: false },
        ...(at === 0 ? { hint: 'contract.secretHint' as const } : {}),
      })),
    ),
    ...inSection('outage', [
      yesNo('critical', 'contract.critical', of.critical),
      {
        ...whole('outageGraceHours', 'contract.graceHours', of.outageGraceHours),
        hint: 'contract.graceHint',
      },
      optional(yesNo('gracePersonalData', 'contract.gracePersonal', of.outageGracePersonalData)),
    ]),
  ]
}

/** The terms of a request for access to one service, as far as the address says them. */
export function termsAsked(query: URLSearchParams): Partial<Terms> {
  const [provider, consumer, serviceCode] = ['provider', 'consumer', 'service'].map((name) => query.get(name))
  const endpoints = query.getAll('endpoint').map((one) => {
    const [method = '', ...path] = one.split(' ')
    return { method, path: path.join(' ') }
  })
  return {
    ...(provider ? { provider: partyOf(provider) } : {}),
    ...(consumer ? { consumers: { subsystems: [partyOf(consumer)] } } : {}),
    ...(serviceCode ? { services: [{ serviceCode, endpoints }] } : {}),
  }
}

/** The terms that were filled in, in the form of the API. `before` are the terms that the form began with. */
export function termsOf(values: Values, before: Partial<Terms>, counts: Counts): object {
  const said = (name: string): string => String(values[name] ?? '').trim()
  const quota = given({
    perSecond: numberOf(said('perSecond')),
    burst: numberOf(said('burst')),
    perDay: numberOf(said('perDay')),
  })
  const partiesIn = (name: string, many: number): string[] =>
    range(many)
      .map((at) => said(`${name}${at}`))
      .filter((one) => one !== '')
      .map(partyOf)
  const visibleTo = partiesIn('visibleTo', counts.visible)
  return {
    title: said('title'),
    provider: partyOf(said('provider')),
    consumers:
      said('globalGroup') === ''
        ? { subsystems: partiesIn('consumer', counts.consumers) }
        : { globalGroup: said('globalGroup') },
    services: range(counts.services)
      .filter((at) => said(`service${at}Code`) !== '')
      .map((at) => serviceOf(said, at)),
    purpose: said('purpose'),
    legalBasis: said('legalBasis'),
    personalData: said('personalData') === 'yes',
    logLevel: said('logLevel'),
    retentionDays: numberOf(said('retentionDays')),
    ...(Object.keys(quota).length === 0 ? {} : { quota }),
    ...(visibleTo.length === 0 ? {} : { secret: { visibleTo } }),
    ...given({ consent: consentOf(said, counts.attributes), preview: previewOf(said) }),
    validFrom: timeOf(said('validFrom'), before.validFrom),
    validUntil: timeOf(said('validUntil'), before.validUntil),
    reviewAt: timeOf(said('reviewAt'), before.reviewAt),
    critical: said('critical') === 'yes',
    outageGraceHours: numberOf(said('outageGraceHours')),
    ...given({ outageGracePersonalData: said('gracePersonalData') === 'yes' ? true : undefined }),
    contacts: range(counts.contacts)
      .filter((at) => said(`contact${at}Email`) !== '')
      .map((at) => ({
        member: partyOf(said(`contact${at}Member`)),
        name: said(`contact${at}Name`),
        email: said(`contact${at}Email`),
      })),
  }
}

type Service = Terms['services'][number]

function serviceFields(of: Service | undefined, at: number, { services }: Finds): Field[] {
  const endpoints = of?.endpoints.map(({ method, path }) => `${method} ${path}`).join('\n')
  const own = inSection(`service${at}`, [
    picked(line(`service${at}Code`, 'contract.serviceCode', 255, of?.serviceCode), services),
    {
      ...long(`service${at}Endpoints`, 'contract.serviceEndpoints', endpoints),
      hint: 'contract.endpointsHint',
    },
  ])
  const more = inSection(`service${at}More`, [
    {
      ...optional(long(`service${at}Request`, 'contract.serviceRequest', pointersOf(of?.requestFields))),
      hint: 'contract.fieldsHint',
    },
    {
      ...optional(long(`service${at}Response`, 'contract.serviceResponse', pointersOf(of?.responseFields))),
      hint: 'contract.fieldsHint',
    },
    optional(
      choice(`service${at}SubjectIn`, 'contract.serviceSubjectIn', of?.dataSubject?.in, [
        ['path', 'contract.in.path'],
        ['query', 'contract.in.query'],
        ['header', 'contract.in.header'],
        ['body', 'contract.in.bodyField'],
      ]),
    ),
    {
      ...optional(
        line(`service${at}SubjectName`, 'contract.serviceSubjectName', 1700, of?.dataSubject?.name),
      ),
      hint: 'contract.subjectHint',
    },
    ...representationFields(of?.representation, at),
  ])
  return [...own, ...more].map((field) => ({
    ...field,
    titled: { at: at + 1 },
    ...(at === 0 ? {} : { required: false }),
  }))
}

/** The last four mean something with a mandate service alone. */
function representationFields(of: Service['representation'], at: number): Field[] {
  return [
    optional(
      choice(`service${at}Represented`, 'contract.serviceRepresented', of?.check, [
        ['asserted', 'contract.represented.asserted'],
        ['none', 'contract.represented.none'],
        ['hostingMandate', 'contract.represented.hostingMandate'],
        ['mandateService', 'contract.represented.byMandateService'],
      ]),
    ),
    {
      ...optional(line(`service${at}MandateService`, 'contract.serviceMandateService', 255, of?.service)),
      hint: 'contract.mandateServiceHint',
    },
    optional(
      choice(`service${at}Delegate`, 'contract.serviceDelegate', of?.delegate, [
        ['user', 'contract.delegate.user'],
        ['member', 'contract.delegate.member'],
      ]),
    ),
    {
      ...optional(long(`service${at}Roles`, 'contract.serviceRoles', of?.roles?.join('\n'))),
      hint: 'contract.rolesHint',
    },
    {
      ...optional(whole(`service${at}AnswerSeconds`, 'contract.serviceAnswerSeconds', of?.answerSeconds)),
      hint: 'contract.answerSecondsHint',
    },
  ]
}

/**
 * What was filled in beside another check goes to the server too, which says that it does not belong there.
 */
function representationOf(said: (name: string) => string, at: number): object | undefined {
  const check = said(`service${at}Represented`)
  const more = given<unknown>({
    service: said(`service${at}MandateService`) || undefined,
    delegate: said(`service${at}Delegate`) || undefined,
    roles: fieldListOf(said(`service${at}Roles`)),
    answerSeconds: numberOf(said(`service${at}AnswerSeconds`)),
  })
  return check === '' && Object.keys(more).length === 0 ? undefined : { check, ...more }
}

function serviceOf(said: (name: string) => string, at: number): object {
  const name = said(`service${at}SubjectName`)
  return {
    serviceCode: said(`service${at}Code`),
    endpoints: linesOf(said(`service${at}Endpoints`)).map((one) => {
      const [method = '', ...path] = one.split(/\s+/)
      return { method, path: path.join(' ') }
    }),
    ...given({
      requestFields: fieldListOf(said(`service${at}Request`)),
      responseFields: fieldListOf(said(`service${at}Response`)),
    }),
    ...given({ representation: representationOf(said, at) }),
    ...(name === '' ? {} : { dataSubject: { in: said(`service${at}SubjectIn`), name } }),
  }
}

/** Of the sections in terms-sections.tsx. */
function inSection(section: string, fields: Field[]): Field[] {
  return fields.map((field) => ({ ...field, section }))
}

function contactFields(of: Terms['contacts'][number] | undefined, at: number, { members }: Finds): Field[] {
  const own = [
    picked(line(`contact${at}Member`, 'contract.contactMember', 1100, idOf(of?.member)), members),
    line(`contact${at}Name`, 'contract.contactName', 255, of?.name),
    line(`contact${at}Email`, 'contract.contactEmail', 254, of?.email),
  ]
  return own.map((field) => ({ ...field, titled: { at: at + 1 }, ...(at === 0 ? {} : { required: false }) }))
}

function range(length: number): number[] {
  return Array.from({ length }, (_, at) => at)
}

function fieldListOf(said: string): string[] | undefined {
  if (said === '') return undefined
  return said === NO_FIELD ? [] : linesOf(said)
}

function pointersOf(fields: string[] | undefined): string {
  if (fields === undefined) return ''
  return fields.length === 0 ? NO_FIELD : fields.join('\n')
}

/** An input of local time has no seconds: an unchanged time keeps its seconds. */
function timeOf(said: string, before: string | undefined): string {
  if (before !== undefined && local(before) === said) return before
  const at = new Date(said)
  return Number.isNaN(at.getTime()) ? said : at.toISOString()
}

function idOf(party: string | undefined): string {
  return party === undefined ? '' : partyId(party)
}

function groupOf(consumers: Partial<Terms>['consumers']): string {
  return consumers && 'globalGroup' in consumers ? consumers.globalGroup : ''
}

/**
 * The text form of an id: each code is a path segment (RFC 3986), in which these characters are not encoded.
 */
function partyOf(id: string): string {
  const segment = (code: string): string =>
    encodeURIComponent(code).replace(/%(24|26|2B|2C|3B|3D|3A|40)/g, (encoded) => decodeURIComponent(encoded))
  return id.split(':').map(segment).join('/')
}
