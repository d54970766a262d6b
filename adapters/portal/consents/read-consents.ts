/**
 * Reads what systems answer about consents, which may be broken, or lie. Guarantees that a consent is one of
 * the system that told it, that texts are plain and short, and that people are led back to a safe address
 * alone. A consent that breaks this is left out.
 */
import { readIdentifier } from '#adapters/client/identifiers.ts'
import { attestedAttributes } from '#core/contract/read-attributes.ts'
import { isPlainText } from '#platform/plain-text.ts'
import {
  type Attested,
  CONSENT_REQUEST_STATES,
  CONSENT_STATES,
  type ConsentKind,
  type ConsentRequestState,
  type ConsentState,
} from '#schemas/consents.ts'
import type { System } from '../asking/find-systems.ts'
import type { Names } from '../asking/names.ts'
import { isObject, listOf, numberOf, partyOf, subsystemOf, timeOf } from '../asking/read-usages.ts'
import type { Asked, Consent, ConsentUse, Demand, Offered } from './consent.ts'

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const DIGEST = /^[0-9a-f]{64}$/
const MOST_TEXT = 2_000
const MOST_ID = 255
const MOST_SERVICES = 50
/** Of one service. */
const MOST_FIELDS = 200
const MOST_CLIENTS = 500
const MOST_DAYS = 36_600
const MOST_TIMES = 1_000_000
const MOST_ADDRESS = 1_000
const UNITS = ['day', 'month', 'year'] as const
const PERIODS = ['hour', 'day', 'month', 'year'] as const
const KINDS: readonly ConsentKind[] = ['once', 'standing']
const BINDINGS = ['transaction data', 'nonce'] as const
const MOST_CREDENTIALS = 9
const MOST_ATTRIBUTES = 8
const PROOFS = ['login', 'wallet'] as const

type Json = Record<string, unknown>

/** Undefined for what is no consent of this system. */
export function readConsent(told: System, given: unknown, names: Names): Consent | undefined {
  if (!isObject(given)) return undefined
  const { number, state, kind, uses } = given
  const [givenAt, validUntil] = [timeOf(given['givenAt']), timeOf(given['validUntil'])]
  const [withdrawnAt, last] = [
    timeOf(given['withdrawnAt']),
    timeOf(isObject(uses) ? uses['last'] : undefined),
  ]
  const client = partyOf(given['client'], 4, names)
  const demand = readDemand(told, given['agreed'], names)
  if (!isUuid(number) || !isOneOf<ConsentState>(state, CONSENT_STATES) || !isOneOf(kind, KINDS))
    return undefined
  if (client === undefined || demand === undefined || givenAt === undefined || validUntil === undefined)
    return undefined
  const [service, digest] = [inside(given['mandate'], 'service'), given['digest']]
  const textHash = inside(given['shown'], 'textHash')
  if (!isDigest(digest) || !isDigest(textHash)) return undefined
  const checked = checkOf(given['checked'])
  return {
    ...{ told, number, state, client, demand, kind, givenAt, validUntil },
    ...(isServer(given['keptAt']) && { server: given['keptAt'] }),
    ...(withdrawnAt !== undefined && { withdrawnAt }),
    byRepresentative: given['byRepresentative'] === true,
    withdrawnByRepresentative: given['withdrawnByRepresentative'] === true,
    ...(isPlainText(service, MOST_ID) && { mandateBy: service }),
    ...(checked !== undefined && { checked }),
    ...{ digest, textHash, record: numberOf(inside(given['records'], 'given')) },
    uses: { count: numberOf(isObject(uses) ? uses['count'] : 0), ...(last !== undefined && { last }) },
  }
}

/** Undefined for what does not say whole what was checked. */
function checkOf(given: unknown): Consent['checked'] {
  if (!isObject(given) || !isOneOf(given['boundBy'], BINDINGS)) return undefined
  const told = listOf(given['credentials'])
  const credentials = told.slice(0, MOST_CREDENTIALS).flatMap((one) => {
    if (!isObject(one) || !isPlainText(one['issuer'], MOST_ID)) return []
    return [{ issuer: one['issuer'], hasStatus: one['hasStatus'] === true }]
  })
  if (credentials.length === 0 || credentials.length < told.length) return undefined
  const attested = given['attested'] === undefined ? undefined : attestedOf(given['attested'])
  if (attested === null) return undefined
  return { boundBy: given['boundBy'], credentials, ...(attested && { attested }) }
}

/** Null for what does not say whole by whom each was attested. */
function attestedOf(given: unknown): Attested[] | null {
  const told = listOf(given)
  const read = told.slice(0, MOST_ATTRIBUTES).flatMap((one) => {
    if (!isObject(one)) return []
    const { name, type, issuer } = one
    return isPlainText(name, MOST_ID) && isPlainText(type, MOST_ID) && isPlainText(issuer, MOST_ID)
      ? [{ name, type, issuer }]
      : []
  })
  return read.length === 0 || read.length < told.length ? null : read
}

/** Undefined for what is no use of a service of this system. */
export function readConsentUse(told: System, given: unknown, names: Names): ConsentUse | undefined {
  if (!isObject(given)) return undefined
  const { messageId } = given
  const time = timeOf(given['time'])
  const service = partyOf(given['service'], 6, names)
  if (time === undefined || service === undefined || subsystemOf(service) !== told.id) return undefined
  return { time, service, messageId: isPlainText(messageId, MOST_ID) ? messageId : '' }
}

/** Undefined for what asks nothing of the person, or would lead them to an address that is not safe. */
export function readAsked(told: System, given: unknown, names: Names): Asked | undefined {
  if (!isObject(given)) return undefined
  const { request, state } = given
  const validUntil = timeOf(given['validUntil'])
  const client = partyOf(given['client'], 4, names)
  const demand = readDemand(told, given['demand'], names)
  const returnUrl = addressOf(given['returnUrl'])
  if (!isUuid(request) || !isOneOf<ConsentRequestState>(state, CONSENT_REQUEST_STATES)) return undefined
  if (validUntil === undefined || client === undefined || demand === undefined || returnUrl === undefined)
    return undefined
  return { told, request, state, validUntil, client, demand, returnUrl }
}

/** One for each who may ask under the contract; none for what is no demand of this system. */
export function readOffers(told: System, given: unknown, names: Names): Offered[] {
  const demand = readDemand(told, given, names)
  if (demand === undefined || !isObject(given)) return []
  return listOf(given['clients'])
    .slice(0, MOST_CLIENTS)
    .flatMap((one) => {
      const client = partyOf(one, 4, names)
      return client === undefined ? [] : [{ client, demand }]
    })
}

function readDemand(told: System, given: unknown, names: Names): Demand | undefined {
  if (!isObject(given) || !isObject(given['contract'])) return undefined
  const { demand, contract, purpose, legalBasis } = given
  const provider = partyOf(given['provider'], 4, names)
  const rule = readRule(given['rule'])
  const { id, title, version } = contract as Json
  if (!isDigest(demand) || !isUuid(id)) return undefined
  if (!isCount(version, MOST_TIMES)) return undefined
  if (![title, purpose, legalBasis].every((text) => isPlainText(text, MOST_TEXT))) return undefined
  if (provider === undefined || provider.id !== told.id || rule === undefined) return undefined
  const texts = { purpose: purpose as string, legalBasis: legalBasis as string }
  return {
    ...{ digest: demand, contract: { id, version, title: title as string }, provider, rule, ...texts },
    services: servicesOf(given['services']),
    fields: fieldsOf(given['services']),
  }
}

function servicesOf(given: unknown): Demand['services'] {
  return listOf(given)
    .slice(0, MOST_SERVICES)
    .flatMap((one) => {
      if (!isObject(one) || !isPlainText(one['serviceCode'], MOST_ID)) return []
      const { serviceCode, responseFields } = one
      if (responseFields === undefined) return [{ serviceCode: serviceCode as string }]
      const fields = listOf(responseFields).filter(isPointer)
      return [{ serviceCode: serviceCode as string, responseFields: fields.slice(0, MOST_FIELDS) }]
    })
}

/**
 * Empty as soon as one service may give anything, or names what cannot be shown whole: a list of some fields
 * would promise too much. Of all services together it is as long as they make it.
 */
function fieldsOf(given: unknown): string[] {
  const services = listOf(given)
  const lists = services.map((one) => (isObject(one) ? listOf(one['responseFields']) : []))
  const isWhole =
    services.length <= MOST_SERVICES &&
    lists.every((fields) => fields.length > 0 && fields.length <= MOST_FIELDS && fields.every(isPointer))
  if (!isWhole) return []
  const names = lists.flat().flatMap((one) => (isPointer(one) ? [one.split('/').at(-1) || one] : []))
  return [...new Set(names)]
}

/** As long as a contract may write one. */
function isPointer(value: unknown): value is string {
  return isPlainText(value, MOST_TEXT)
}

function readRule(given: unknown): Demand['rule'] | undefined {
  if (!isObject(given)) return undefined
  const { proof, attributes, kinds, maxDays, frequency, range, keptAt } = given
  const dataLife = spanOf(given['dataLife'])
  const allowed = KINDS.filter((kind) => listOf(kinds).includes(kind))
  const [reach, often] = [spanOf(range), oftenOf(frequency)]
  if (!isOneOf(proof, PROOFS) || dataLife === undefined || allowed.length === 0) return undefined
  if (!isCount(maxDays, MOST_DAYS)) return undefined
  if (keptAt !== undefined && !isServer(keptAt)) return undefined
  const demanded = attributes === undefined ? undefined : attributesOf(attributes)
  if (demanded === null) return undefined
  // A bound that cannot be read is no bound that may be shown.
  if ((range !== undefined && reach === undefined) || (frequency !== undefined && often === undefined))
    return undefined
  return {
    ...{ proof, kinds: allowed, maxDays, dataLife },
    ...(demanded && { attributes: demanded }),
    ...(reach !== undefined && { range: reach }),
    ...(often !== undefined && { frequency: often }),
    ...(keptAt !== undefined && { keptAt }),
  }
}

/**
 * Exactly as the contract has them, since a wallet signs them so; null if they are malformed or cannot be
 * shown.
 */
function attributesOf(given: unknown): Demand['rule']['attributes'] | null {
  try {
    const read = attestedAttributes(given, 'attributes')
    const texts = read.flatMap(({ name, values = [] }) => [name, ...values.map(String)])
    return texts.every((text) => isPlainText(text, MOST_ID)) ? read : null
  } catch {
    return null
  }
}

function spanOf(given: unknown): Demand['rule']['dataLife'] | undefined {
  if (!isObject(given)) return undefined
  const { unit, value } = given
  return isOneOf(unit, UNITS) && isCount(value, MOST_DAYS) ? { unit, value } : undefined
}

function oftenOf(given: unknown): Demand['rule']['frequency'] {
  if (!isObject(given)) return undefined
  const { times, per } = given
  return isCount(times, MOST_TIMES) && isOneOf(per, PERIODS) ? { times, per } : undefined
}

/** https, or http on this machine; nothing that a browser would run, and no name and password. */
function addressOf(given: unknown): URL | undefined {
  if (!isPlainText(given, MOST_ADDRESS) || !URL.canParse(given)) return undefined
  const address = new URL(given)
  const isHere = address.protocol === 'http:' && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(address.hostname)
  if (address.protocol !== 'https:' && !isHere) return undefined
  return address.username === '' && address.password === '' ? address : undefined
}

/** The identifier of a security server. */
export function isServer(value: unknown): value is string {
  if (typeof value !== 'string' || value.length > MOST_ID) return false
  try {
    return readIdentifier('server', value, 4) === value
  } catch {
    return false
  }
}

function inside(given: unknown, name: string): unknown {
  return isObject(given) ? given[name] : undefined
}

function isDigest(value: unknown): value is string {
  return typeof value === 'string' && DIGEST.test(value)
}

function isUuid(value: unknown): value is string {
  return typeof value === 'string' && UUID.test(value)
}

function isCount(value: unknown, most: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= most
}

function isOneOf<T extends string>(value: unknown, all: readonly T[]): value is T {
  return (all as readonly unknown[]).includes(value)
}
