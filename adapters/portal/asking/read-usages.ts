/**
 * Reads what systems answer, which may be broken, or lie. Guarantees that a row is one of the system that
 * told it, that texts are plain and short, and that what is no row is counted and left out.
 */
import { isPlainText } from '#platform/plain-text.ts'
import { slashForm } from '#schemas/colon-identifiers.ts'
import type { Contract, Coverage, Look, Mass, Party, Row, Side } from '../joining/row.ts'
import type { System } from './find-systems.ts'
import type { Names } from './names.ts'

type Json = Record<string, unknown>

const MOST_TEXT = 1000
const MOST_ID = 255
const MOST_FIELDS = 100
const MOST_FIELD_TEXT = 2_000
const MOST_LANGUAGES = 5
const MOST_NAME = 200
const MOST_MASSES = 200
const MOST_MASS_TEXT = 200_000
const MOST_LOOKS = 50
/** A hundred years. */
const MOST_MONTHS = 1_200
/** As many rows as a portal can be set to take: nobody has been asked about oftener. */
const MOST_COUNT = 100_000
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
/** 32 octets in base64. */
const LEAF = /^[A-Za-z0-9+/]{43}=$/
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/
const MONTH = /^(\d{4}-(0[1-9]|1[0-2]))/
const DAY = /^\d{4}-\d\d-\d\d$/
const LANGUAGE = /^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}$/

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A list in an answer; empty if the value is not a list. */
export function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}

/** A whole number from 0 on; `otherwise` if the value is not such a number. */
export function numberOf(value: unknown, otherwise = 0): number {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : otherwise
}

/** The row of `/concordat/v1/usages`; undefined if it is malformed or of another system. */
export function readUsage(told: System, given: unknown, names: Names): Row | undefined {
  if (!isObject(given) || !isRole(given['role'])) return undefined
  const isGeneral = given['isGeneral'] === true
  const time = isGeneral ? monthOf(given['time']) : timeOf(given['time'])
  if (time === undefined) return undefined
  const client = partyOf(given['client'], 4, names)
  const service = partyOf(given['service'], 6, names)
  if (!isGeneral) {
    const own = given['role'] === 'provider' ? subsystemOf(service) : client?.id
    if (client === undefined || service === undefined || own !== told.id) return undefined
  }
  const { index, leaf } = isObject(given['record']) ? given['record'] : {}
  return {
    ...{ told, role: given['role'], time, outcome: outcomeOf(given['outcome']) },
    messageId: isGeneral ? '' : idOf(given['messageId']),
    requestId: isGeneral ? '' : idOf(given['requestId']),
    ...(!isGeneral && { client, service }),
    ...whyOf(given),
    fields: fieldsOf(given['fields']),
    ...(given['isMass'] === true && { isMass: true }),
    ...(given['isUnread'] === true && { isUnread: true }),
    ...(!isGeneral && isUuid(given['preview']) && { preview: given['preview'] }),
    ...(Number.isSafeInteger(index) && (index as number) >= 0 && { proof: index as number }),
    ...(typeof leaf === 'string' && LEAF.test(leaf) && { leaf }),
  }
}

function isUuid(value: unknown): value is string {
  return typeof value === 'string' && UUID.test(value)
}

/** The row of Estonia's `/v2/findUsage`, which names the receiver and the purpose. */
export function readFoundUsage(told: System, given: unknown, names: Names): Row | undefined {
  if (!isObject(given)) return undefined
  const { action, receiverCode, receiverName, receiverSystem } = given
  const time = timeOf(given['logtime'])
  if (time === undefined || !isPlainText(receiverCode, MOST_ID)) return undefined
  const system = isPlainText(receiverSystem, MOST_ID) ? receiverSystem : ''
  const known = knownSystem(system, names)
  const owner = strangerOf(receiverCode, receiverName)
  return {
    ...{ told, role: 'provider', time, messageId: '', requestId: '', outcome: 'given', fields: [] },
    client: known ?? { id: '', name: owner, owner },
    service: { id: told.id, name: told.name, owner: told.owner },
    purposes: isPlainText(action, MOST_TEXT) ? { und: action } : {},
  }
}

/** Queries about many people; what is malformed is left out. */
export function readMasses(told: System, given: unknown, names: Names): Mass[] {
  const masses = listOf(given)
    .slice(0, MOST_MASSES)
    .flatMap((one) => {
      if (!isObject(one) || !isCount(one['messages'])) return []
      const { first, last } = one
      if (typeof first !== 'string' || typeof last !== 'string' || !DAY.test(first) || !DAY.test(last))
        return []
      const { purposes, legalBasis } = whyOf(one)
      return [
        {
          ...{ told, first, last, purposes, messages: one['messages'] },
          ...(legalBasis !== undefined && { legalBasis }),
          client: partyOf(one['client'], 4, names),
          service: partyOf(one['service'], 6, names),
        },
      ]
    })
  return within(MOST_MASS_TEXT, masses)
}

/** The first of these that have no more than so many characters together. */
function within<T>(most: number, list: readonly T[]): T[] {
  let room = most
  return list.filter((one) => {
    room -= JSON.stringify(one).length
    return room >= 0
  })
}

/** Who asked this system for the list; what is malformed, or a count that cannot be meant, is left out. */
export function readLooks(told: System, given: unknown, names: Names): Look[] {
  return listOf(given)
    .slice(0, MOST_LOOKS)
    .flatMap((one) => {
      const client = isObject(one) ? partyOf(one['client'], 4, names) : undefined
      const last = isObject(one) ? timeOf(one['last']) : undefined
      const count = isObject(one) ? one['count'] : undefined
      return client === undefined || last === undefined || !isCount(count)
        ? []
        : [{ told, client, last, count }]
    })
}

/** The answer of `/concordat/v1/coverage`; undefined if it is malformed. */
export function readCoverage(given: unknown): Coverage | undefined {
  if (!isObject(given)) return undefined
  const from = timeOf(given['periodStart'])
  if (from === undefined) return undefined
  const sum = (list: unknown, name: string): number =>
    listOf(list)
      .slice(0, 1000)
      .reduce<number>((all, one) => all + (isObject(one) ? numberOf(one[name]) : 0), 0)
  const until = timeOf(given['periodEnd'])
  return {
    ...{ from, isAll: given['isAll'] === true, behind: numberOf(given['behind']) },
    ...(until !== undefined && { until }),
    undeclared: listOf(given['undeclared'])
      .slice(0, 500)
      .flatMap((one) => {
        if (!isObject(one) || !isRole(one['role']) || !isPlainText(one['service'], MOST_TEXT)) return []
        return [{ role: one['role'], service: one['service'] }]
      }),
    unread: sum(given['notIndexed'], 'records'),
    withheld: sum(given['withheld'], 'exceptions'),
    general: listOf(given['generalServices']).length,
    lostMonths: listOf(given['lostMonths'])
      .slice(0, MOST_MONTHS)
      .flatMap((one) => monthOf(one) ?? []),
    declaredLater: listOf(given['declaredLater']).length,
    calledUnread: listOf(given['calledNotIndexed']).length,
    ofNobody: listOf(given['ofNobody']).length,
    isCut: given['isCut'] === true,
  }
}

/** The span of Estonia's `/v2/usagePeriod`, which says nothing of what is left open. */
export function readPeriod(given: unknown): Coverage | undefined {
  const { periodStart, periodEnd } = isObject(given) ? given : {}
  return readCoverage({ periodStart, periodEnd, isAll: false })
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= MOST_COUNT
}

function isRole(value: unknown): value is Side {
  return value === 'provider' || value === 'consumer'
}

/** As ISO 8601 in UTC; undefined for what is no time. */
export function timeOf(value: unknown): string | undefined {
  if (typeof value !== 'string' || !TIME.test(value)) return undefined
  const time = Date.parse(value)
  return Number.isNaN(time) ? undefined : new Date(time).toISOString()
}

function monthOf(value: unknown): string | undefined {
  return typeof value === 'string' ? MONTH.exec(value)?.[1] : undefined
}

function idOf(value: unknown): string {
  return isPlainText(value, MOST_ID) ? value : ''
}

function outcomeOf(value: unknown): Row['outcome'] {
  return value === 'ok' ? 'given' : value === 'open' ? 'open' : 'refused'
}

/**
 * A party by its identifier in colon form, of three codes and at most so many; the configuration's name for
 * it goes before what the answer calls it.
 */
export function partyOf(given: unknown, most: number, names: Names): Party | undefined {
  if (!isObject(given) || typeof given['id'] !== 'string') return undefined
  let id: string
  try {
    id = slashForm(given['id'], 3, most)
  } catch {
    return undefined
  }
  const codes = id.split('/')
  const system = names.systems.get(codes.slice(0, 4).join('/'))
  const member = codes.slice(0, 3).join('/')
  const owner = names.members.get(member) ?? strangerOf(member, given['name'])
  return { id, name: system?.name ?? owner, owner }
}

/**
 * Nobody vouches for the name of a member that the configuration does not know, so its identifier stands
 * first.
 */
function strangerOf(id: string, name: unknown): string {
  return isPlainText(name, MOST_NAME) ? `${id} “${name}”` : id
}

/** Of a service "DEV/GOV/1001/population/persons" its subsystem. */
export function subsystemOf(party: Party | undefined): string | undefined {
  return party?.id.split('/').slice(0, 4).join('/')
}

/** X-Road systems write an identifier in more than one way. */
function knownSystem(text: string, names: Names): Party | undefined {
  const id = text.replaceAll(':', '/')
  const system = names.systems.get(id)
  return system === undefined ? undefined : { id, name: system.name, owner: system.owner }
}

function whyOf(given: Json): { purposes: Record<string, string>; legalBasis?: string; contract?: Contract } {
  const { purposes, legalBasis, contract } = given
  const texts = Object.entries(isObject(purposes) ? purposes : {})
    .slice(0, MOST_LANGUAGES)
    .filter(([language, text]) => LANGUAGE.test(language) && isPlainText(text, MOST_TEXT))
  const agreed = contractOf(contract)
  return {
    purposes: Object.fromEntries(texts) as Record<string, string>,
    ...(isPlainText(legalBasis, MOST_TEXT) && { legalBasis }),
    ...(agreed !== undefined && { contract: agreed }),
  }
}

function contractOf(given: unknown): Contract | undefined {
  if (!isObject(given) || !isPlainText(given['id'], 64)) return undefined
  const { title, retentionDays } = given
  return {
    ...{ id: given['id'], version: numberOf(given['version'], 1) },
    ...(isPlainText(title, MOST_TEXT) && { title }),
    ...(Number.isSafeInteger(retentionDays) && { retentionDays: numberOf(retentionDays) }),
  }
}

/** JSON Pointers of the answer; of a pointer the last name is what people can read. */
function fieldsOf(given: unknown): string[] {
  const response = isObject(given) ? listOf(given['response']) : []
  const fields = response.slice(0, MOST_FIELDS).filter((one): one is string => isPlainText(one, MOST_ID))
  return within(MOST_FIELD_TEXT, fields)
}
