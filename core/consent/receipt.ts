/**
 * A receipt of a consent: the fields of ISO/IEC TS 27560:2023 as JSON-LD, with the terms that the guide of
 * the W3C Data Privacy Vocabulary (CG-FINAL-guide-27560-20240801) maps them to. Pure.
 */
import type { Consent, ConsentParty, ConsentState } from '#schemas/consents.ts'
import type { Span } from '#schemas/contract.ts'

const CONTEXT = {
  dpv: 'https://w3id.org/dpv#',
  dct: 'http://purl.org/dc/terms/',
  xsd: 'http://www.w3.org/2001/XMLSchema#',
  schema: 'https://schema.org/',
  concordat: 'urn:concordat:consent:1#',
}
const PROFILE = 'https://w3id.org/dpv/schema/dpv-27560'

const STATUS: Record<ConsentState, string> = {
  ACTIVE: 'dpv:ConsentGiven',
  USED_UP: 'dpv:ConsentExpired',
  EXPIRED: 'dpv:ConsentExpired',
  WITHDRAWN: 'dpv:ConsentWithdrawn',
}
const LETTER: Record<Span['unit'], string> = { day: 'D', month: 'M', year: 'Y' }

/** ISO 8601 duration. */
function durationOf({ unit, value }: Span): string {
  return `P${value}${LETTER[unit]}`
}

/** `person`: the name of the person in the consent's document, never their code. */
export function receiptOf(consent: Consent, q: { person: string; made: string }): object {
  const { number, agreed, client, givenAt, validUntil, withdrawnAt, shown, mandate } = consent
  const at = (time: string): object => ({ '@type': 'xsd:dateTime', '@value': time })
  const representative =
    mandate === undefined
      ? 'dpv:Representative'
      : { '@type': 'dpv:Representative', 'concordat:mandate': mandate }
  const event = (status: string, time: string, by: object | string): object => ({
    'dct:date': at(time),
    'dct:valid': at(validUntil),
    'dpv:hasConsentStatus': status,
    'dpv:isImplementedByEntity': by,
    'dpv:hasLegalBasis': 'dpv:ExplicitlyExpressedConsent',
  })
  const events = [
    event('dpv:ConsentGiven', givenAt, consent.byRepresentative ? representative : 'dpv:DataSubject'),
  ]
  if (withdrawnAt !== undefined) {
    const by = consent.withdrawnByRepresentative ? 'dpv:Representative' : 'dpv:DataSubject'
    events.push(event('dpv:ConsentWithdrawn', withdrawnAt, by))
  }
  return {
    '@context': CONTEXT,
    '@id': `urn:uuid:${number}#receipt`,
    '@type': 'dpv:ConsentReceipt',
    'dct:identifier': `${number}-receipt`,
    'dct:conformsTo': `${PROFILE}#receipt`,
    'dct:created': at(q.made),
    'dct:publisher': party(agreed.provider),
    'schema:recipient': 'dpv:DataSubject',
    'dpv:hasRecordOfActivity': {
      '@id': `urn:uuid:${number}`,
      '@type': 'dpv:ConsentRecord',
      'dct:identifier': number,
      'dct:conformsTo': `${PROFILE}#record`,
      'dpv:hasDataSubject': { '@type': 'dpv:DataSubject', 'dct:identifier': q.person },
      'dpv:hasDataController': party(client),
      'dpv:hasConsentStatus': STATUS[consent.state],
      'dpv:hasProcess': processOf(consent),
      'dpv:hasNotice': {
        '@type': 'dpv:ConsentNotice',
        'dct:language': shown.language,
        'concordat:textSha256': shown.textHash,
      },
      'dpv:hasConsentControl': {
        '@type': 'dpv:WithdrawConsent',
        'dct:description': 'At the portal, at any time',
      },
      'dct:provenance': events,
      'concordat:proof':
        consent.proof === 'login'
          ? 'The person was logged in at a portal, which signed the request'
          : "The person's wallet signed exactly this; the provider's server verified it",
      ...(consent.presentation !== undefined && {
        'concordat:presentationSha256': consent.presentation,
      }),
      ...(agreed.rule.attributes && {
        'concordat:attested': agreed.rule.attributes.map(({ name }) => name),
      }),
      'concordat:digest': consent.digest,
      'concordat:records': consent.records,
    },
  }
}

function processOf({ agreed, client, kind }: Consent): object {
  const { rule, services } = agreed
  const { dataLife, frequency, range } = rule
  return {
    '@type': 'dpv:Process',
    'dct:identifier': agreed.contract.id,
    'dct:title': agreed.contract.title,
    'dpv:hasPurpose': { '@type': 'dpv:Purpose', 'dct:description': agreed.purpose },
    'dpv:hasLegalBasis': { '@type': 'dpv:Consent', 'dct:description': agreed.legalBasis },
    'dpv:hasProcessing': ['dpv:Disclose', 'dpv:Store'],
    'dpv:hasService': services.map(({ serviceCode }) => serviceCode),
    'dpv:hasPersonalData': services.map(({ serviceCode, endpoints, responseFields }) => ({
      '@type': 'dpv:PersonalData',
      'dct:source': serviceCode,
      'concordat:endpoints': endpoints.map(({ method, path }) => `${method} ${path}`),
      'concordat:fields': responseFields ?? 'all',
    })),
    'dpv:hasDataSource': party(agreed.provider),
    'dpv:hasRecipient': [party(client)],
    'dpv:hasStorageCondition': { '@type': 'dpv:StorageDuration', 'dpv:hasDuration': durationOf(dataLife) },
    ...(frequency && { 'dpv:hasFrequency': `${frequency.times} a ${frequency.per}` }),
    ...(range && { 'concordat:reachesBack': durationOf(range) }),
    'concordat:kind': kind,
  }
}

function party({ id, name }: ConsentParty): object {
  return {
    '@type': 'dpv:LegalEntity',
    'dct:identifier': id,
    ...(name !== undefined && { 'dpv:hasName': name }),
  }
}
