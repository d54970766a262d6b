/**
 * The form of Estonia's consent service over the same consents, for those who use it. A purpose declaration
 * is a contract, a consent reference a consent's number. Personal codes stand as there: without the letters
 * of the country.
 */
import { timingSafeEqual } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { Fault } from '#schemas/fault.ts'
import { demandsOf } from './demands.ts'
import { isEstonianCode } from './estonian-code.ts'
import type { Question } from './question.ts'
import { isUuid, plainIn, returnUrlIn, valueIn } from './read-request.ts'
import { requestConsent } from './requests.ts'
import { stateOf } from './state-of.ts'
import type { ConsentRow } from './tables.ts'
import { personIn, refused } from './who-acts.ts'

type Fields = Record<string, unknown>
type Handler = (q: Question) => Promise<object>

const MOST_PURPOSES = 20
const MOST_REFERENCES = 5000
/** Of a question about so many. */
const MOST_BYTES = 524_288
/** Codes that are opened before others are served. */
const OPENED_AT_ONCE = 100
const ELEVEN_DIGITS = /^[0-9]{11}$/
/**
 * Consents that a person took back, and those that were used up or are over, by the words of that service.
 * See `statusOf`.
 */
const STATUSES = {
  ACTIVE: 'APPROVED',
  WITHDRAWN: 'DECLINED',
  USED_UP: 'INAPPLICABLE',
  EXPIRED: 'EXPIRED',
} as const

/**
 * Refusals by the codes of that service, with its status. Its other codes are of what is not asked for here.
 */
const CODES = {
  VALIDATION: 400,
  RELATION_TYPE_INVALID: 400,
  HTTP_NOT_FOUND: 404,
  REQUESTED_CONSENTS_NOT_RELATED_TO_ANY_DECLARATIONS: 404,
  ID_CODE_INVALID: 500,
  ALL_REQUESTED_CONSENTS_HAVE_ALREADY_BEEN_APPROVED: 500,
  CONSENT_VALIDATE_INVALID_STATUS: 500,
} as const
type Code = keyof typeof CODES

/** Carries a refusal by that service's code to the answer. */
class Refused extends Error {
  readonly fault: Fault
  readonly refusal: Code
  constructor(refusal: Code, fault: Fault) {
    super(fault.message, { cause: fault })
    this.fault = fault
    this.refusal = refusal
  }
}

export const ESTONIAN: Record<string, Handler> = {
  'POST /api/consent': async (q) => {
    const fields = await q.json()
    return requestOne(q, fields, plainIn(fields, 'idCode', 128))
  },
  /** Who acts for a child does so at the portal, which asks the register of mandates at that moment. */
  'POST /api/consent/representation': async (q) => {
    const fields = await q.json()
    codeIn(plainIn(fields, 'representativeIdCode', 128), q.rooms)
    if (plainIn(fields, 'relationType', 32) !== 'CHILD')
      throw new Refused('RELATION_TYPE_INVALID', refused('relationType is CHILD'))
    return requestOne(q, fields, plainIn(fields, 'representeeIdCode', 128))
  },
  'POST /api/consent/reference': async (q) => {
    const { json, sender, rooms } = q
    const fields = await json()
    const demanded = demandedNow(q)
    const { name } = await personOf(plainIn(fields, 'idCode', 128), rooms)
    const found: Record<string, string> = {}
    for (const contract of purposesIn(fields)) {
      const row = await rooms.store.newest({ person: name, client: sender.client, contract })
      if (row !== undefined && statusOf(row, demanded, rooms.clock()) === 'APPROVED')
        found[contract] = row.number
    }
    if (Object.keys(found).length === 0) throw unknown()
    return found
  },
  'GET /api/consent/validation/client': validateForClient,
  'POST /api/consent/validation/client': validateForClient,
  'GET /api/consent/validation/dataprovider': validateForProvider,
  'POST /api/consent/validation/dataprovider': validateForProvider,
  'POST /api/consent/filter-by-status': filterByStatus,
  'POST /consent/filter-by-status': filterByStatus,
  /** Each call under a consent is counted as it is made; a report of it is taken and adds nothing. */
  'POST /api/reporting/consent': async (q) => {
    const fields = await q.json()
    if (Number.isNaN(Date.parse(plainIn(fields, 'transmissionTimestamp', 64))))
      throw refused('transmissionTimestamp is no time')
    const row = await q.rooms.store.byNumber(referenceIn(fields))
    if (row?.subsystem !== q.sender.subsystem || !isOfProvider(q)) throw unknown()
    return { response: 'success' }
  },
}

/**
 * What is answered in place of a fault: that service's status and code; undefined for what it has no code of,
 * as when to ask again.
 */
export function estonianRefusal(thrown: unknown): { fault: Fault; status: number; code: Code } | undefined {
  const { fault, code } =
    thrown instanceof Refused ? { fault: thrown.fault, code: thrown.refusal } : general(thrown)
  return fault === undefined || code === undefined ? undefined : { fault, code, status: CODES[code] }
}

function general(thrown: unknown): { fault?: Fault; code?: Code } {
  if (!(thrown instanceof Fault)) return {}
  if (thrown.code === 'invalid_request') return { fault: thrown, code: 'VALIDATION' }
  return thrown.code === 'not_found' ? { fault: thrown, code: 'HTTP_NOT_FOUND' } : {}
}

/** One contract at a time: each url asks for one consent. */
async function requestOne(q: Question, fields: Fields, idCode: string): Promise<object> {
  const { sender, rooms } = q
  const [contract, ...others] = purposesIn(fields)
  if (contract === undefined || others.length > 0)
    throw refused('purposeDeclarationBusinessIdentifiers has one contract')
  const { name, code } = await personOf(idCode, rooms)
  const returnUrl = returnUrlIn(plainIn(fields, 'callback', 1000))
  const there = await rooms.store.newest({ person: name, client: sender.client, contract })
  if (there !== undefined && statusOf(there, demandedNow(q), rooms.clock()) === 'APPROVED')
    throw new Refused(
      'ALL_REQUESTED_CONSENTS_HAVE_ALREADY_BEEN_APPROVED',
      new Fault('conflict', { what: 'the consent is in force' }),
    )
  try {
    const asked = { contract, userCode: rooms.countryPrefix + code, returnUrl }
    const { request, url } = await requestConsent(asked, sender, rooms, code)
    return { consentGroupReference: request, url }
  } catch (cause) {
    if (!(cause instanceof Fault) || cause.code !== 'not_found') throw cause
    throw new Refused('REQUESTED_CONSENTS_NOT_RELATED_TO_ANY_DECLARATIONS', cause)
  }
}

async function validateForClient(q: Question): Promise<object> {
  const { row, idCode } = await validated(q, (one) => one.client === q.sender.client)
  return { ...headOf(row), ...idCode, purposeDeclarationId: row.contract }
}

async function validateForProvider(q: Question): Promise<object> {
  const { row, idCode } = await validated(q, () => isOfProvider(q))
  return {
    ...{ ...headOf(row), ...idCode, clientSubsystemIdentifier: row.client },
    serviceDeclarationId: row.contract,
  }
}

/** The consent of the question, in force, and about the person if the question names one. */
async function validated(q: Question, may: (row: ConsentRow) => boolean) {
  const { json, search, method, sender, rooms } = q
  const fields: Fields =
    method === 'GET'
      ? { consentReference: valueIn(search, 'consentReference'), idCode: valueIn(search, 'idCode') }
      : await json()
  const row = await rooms.store.byNumber(referenceIn(fields))
  if (row === undefined || row.subsystem !== sender.subsystem || !may(row)) throw unknown()
  const named = fields['idCode'] === undefined ? undefined : plainIn(fields, 'idCode', 128)
  const person = named === undefined ? undefined : await personOf(named, rooms)
  if (person !== undefined && !timingSafeEqual(Buffer.from(person.name), Buffer.from(row.person)))
    throw unknown()
  if (statusOf(row, demandedNow(q), rooms.clock()) !== 'APPROVED')
    throw new Refused(
      'CONSENT_VALIDATE_INVALID_STATUS',
      new Fault('conflict', { what: 'the consent is not in force' }),
    )
  const codes = await codesOf([row.number], rooms)
  const idCode = person?.code ?? codes.get(row.number)
  return { row, idCode: idCode === undefined ? {} : { idCode } }
}

async function filterByStatus(q: Question): Promise<object> {
  const { json, sender, rooms } = q
  const fields = await json(MOST_BYTES)
  const wanted = textsIn(fields, 'consentStatus', 2)
  if (wanted.some((one) => one !== 'VALID' && one !== 'INVALID'))
    throw refused('consentStatus has VALID, INVALID or both')
  const references = textsIn(fields, 'consentReferences', MOST_REFERENCES)
  const numbers = new Set(references.map((one) => one.toLowerCase()).filter(isUuid))
  const rows = await rooms.store.byNumbers([...numbers])
  const own = new Map(
    rows
      .filter(({ client, subsystem }) => client === sender.client && subsystem === sender.subsystem)
      .map((row) => [row.number, row]),
  )
  const demanded = demandedNow(q)
  const now = rooms.clock()
  const asked = [...own.values()]
    .map((row) => ({ row, status: statusOf(row, demanded, now) }))
    .filter(({ status }) => wanted.includes(status === 'APPROVED' ? 'VALID' : 'INVALID'))
  const codes = await codesOf(
    asked.map(({ row }) => row.number),
    rooms,
  )
  const consent = asked.map(({ row, status }) => ({
    ...{ ...headOf(row), consentStatus: status, purposeDeclarationId: row.contract },
    ...(codes.has(row.number) && { idCode: codes.get(row.number) }),
  }))
  const invalid = references.filter((one) => !own.has(one.toLowerCase()))
  return { consent, ...(invalid.length > 0 && { invalidConsents: invalid }) }
}

/** What each contract asks people to agree to now, by its hash. */
function demandedNow({ sender, rooms }: Question): Map<string, string> {
  return new Map(demandsOf(sender.subsystem, rooms).map(({ view }) => [view.contract.id, view.demand]))
}

/** No call is made under a consent to what the contract asked for before: the person is asked anew. */
function statusOf(
  row: Parameters<typeof stateOf>[0] & Pick<ConsentRow, 'contract' | 'demand'>,
  demanded: ReadonlyMap<string, string>,
  now: number,
): (typeof STATUSES)[keyof typeof STATUSES] {
  const state = stateOf(row, now)
  if (state === 'ACTIVE' && demanded.get(row.contract) !== row.demand) return 'INAPPLICABLE'
  return STATUSES[state]
}

/** The codes of those who were asked in this form, which alone are kept, sealed with the request. */
async function codesOf(
  numbers: string[],
  { requests, codes }: Question['rooms'],
): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for (const [at, { number, request, code }] of (await requests.codesOf(numbers)).entries()) {
    if (at % OPENED_AT_ONCE === OPENED_AT_ONCE - 1) await setImmediate()
    try {
      found.set(number, await codes.open(request, code))
    } catch (cause) {
      // The key of before was given up: nobody can read it, and its consents have ended.
      if (!(cause instanceof Fault) || cause.code !== 'internal_error') throw cause
    }
  }
  return found
}

async function personOf(idCode: string, rooms: Question['rooms']): Promise<{ name: string; code: string }> {
  const { type, identifier } = codeIn(idCode, rooms)
  return { name: await rooms.nameOf({ type, identifier }), code: identifier }
}

/** With the letters of the country, or without as there. */
function codeIn(idCode: string, { countryPrefix }: Pick<Question['rooms'], 'countryPrefix'>) {
  const person = personIn(idCode, countryPrefix) ?? personIn(countryPrefix + idCode, countryPrefix)
  if (person === undefined) throw refused('a personal code is no code of a person')
  if (countryPrefix === 'EE' && !(ELEVEN_DIGITS.test(person.identifier) && isEstonianCode(person.identifier)))
    throw new Refused(
      'ID_CODE_INVALID',
      refused('a personal code has eleven digits, and the last follows from the others'),
    )
  return person
}

function headOf({ number, valid_until }: Pick<ConsentRow, 'number' | 'valid_until'>): object {
  return { consentReference: number, consentExpiration: valid_until }
}

/** Whether a system of the provider's own member asks. */
function isOfProvider({ sender: { client, subsystem } }: Question): boolean {
  const memberOf = (id: string): string => id.split('/').slice(0, 3).join('/')
  return memberOf(client) === memberOf(subsystem)
}

function referenceIn(fields: Fields): string {
  const reference = plainIn(fields, 'consentReference', 36).toLowerCase()
  if (!isUuid(reference)) throw unknown()
  return reference
}

function purposesIn(fields: Fields): string[] {
  return textsIn(fields, 'purposeDeclarationBusinessIdentifiers', MOST_PURPOSES).map((one) =>
    one.toLowerCase(),
  )
}

function textsIn(fields: Fields, name: string, most: number): string[] {
  const texts = fields[name]
  if (!Array.isArray(texts) || texts.length === 0 || texts.length > most)
    throw refused(`${name} has 1 to ${most} texts`)
  return texts.map((one: unknown) => plainIn({ [name]: one }, name, 255))
}

function unknown(): Fault {
  return new Fault('not_found', { what: 'there is no such consent' })
}
