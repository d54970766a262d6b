/**
 * Reads what a register of mandates answers. Guarantees that nothing is taken as it comes: whatever has
 * another form is not there.
 */
import { isPlainText } from '#platform/plain-text.ts'
import type { PersonType } from '#schemas/mandates.ts'
import { isObject, listOf } from '../asking/read-usages.ts'

export type Somebody = { code: string; name: string; type: PersonType }

export type KnownMandate = {
  id: string
  role: string
  representee: Somebody
  delegate: Somebody
  /** When it begins and ends (ms), if it says so. */
  from?: number
  until?: number
}

export type KnownRole = {
  code: string
  /** By language. */
  titles: Readonly<Record<string, string>>
  addableBy: string[]
  withdrawableBy: string[]
  waivableBy: string[]
  mustBeSigned: boolean
  givers: string[]
}

const MOST = 1000
const MOST_TEXT = 400
const DAY_MS = 86_400_000
const ID = /^[0-9a-f-]{36}$/
const CODE = /^[A-Za-z0-9][A-Za-z0-9+._~-]{0,255}$/
const TIME = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d))?$/

/** Whether a text may be somebody's identifier: it goes into an address. */
export function isCode(text: string): boolean {
  return CODE.test(text)
}

export function isMandateId(text: string): boolean {
  return ID.test(text)
}

/** `isCut`: some were left out. */
export type KnownMandates = { mandates: KnownMandate[]; isCut: boolean }

/** Undefined for an answer that is no list. */
export function readTriplets(json: unknown): KnownMandates | undefined {
  if (!Array.isArray(json)) return undefined
  const mandates = json.slice(0, MOST).flatMap(readTriplet)
  const told = json.reduce<number>(
    (sum, one) => sum + (isObject(one) ? listOf(one['mandates']).length : 1),
    0,
  )
  return { mandates, isCut: told > mandates.length }
}

/** The mandates of one triplet: of two people who are known, and each of a form that can be judged. */
export function readTriplet(json: unknown): KnownMandate[] {
  if (!isObject(json)) return []
  const [representee, delegate] = [readSomebody(json['representee']), readSomebody(json['delegate'])]
  if (representee === undefined || delegate === undefined) return []
  return listOf(json['mandates'])
    .slice(0, MOST)
    .flatMap((one) => readMandate(one, representee, delegate) ?? [])
}

export function readPeople(json: unknown): Somebody[] | undefined {
  return Array.isArray(json) ? json.slice(0, MOST).flatMap((one) => readSomebody(one) ?? []) : undefined
}

export function readRoles(json: unknown): KnownRole[] {
  return listOf(json)
    .slice(0, MOST)
    .flatMap((one) => readRole(one) ?? [])
}

function readSomebody(json: unknown): Somebody | undefined {
  if (!isObject(json)) return undefined
  const { type, identifier, firstName, surname, legalName } = json
  if (typeof identifier !== 'string' || !isCode(identifier)) return undefined
  if (type !== 'NATURAL_PERSON' && type !== 'LEGAL_PERSON') return undefined
  const names = type === 'LEGAL_PERSON' ? [legalName] : [firstName, surname]
  const name = names.filter((one) => isPlainText(one, MOST_TEXT)).join(' ')
  return { code: identifier, name: name === '' ? identifier : name, type }
}

function readMandate(json: unknown, representee: Somebody, delegate: Somebody): KnownMandate | undefined {
  if (!isObject(json)) return undefined
  const { id, role, validityPeriod } = json
  if (typeof id !== 'string' || !isMandateId(id) || !isPlainText(role, MOST_TEXT)) return undefined
  const period = isObject(validityPeriod) ? validityPeriod : {}
  const [from, until] = [timeOf(period['from'], 0), timeOf(period['through'], DAY_MS)]
  if (from === 'unreadable' || until === 'unreadable') return undefined
  return {
    ...{ id, role, representee, delegate },
    ...(from !== undefined && { from }),
    ...(until !== undefined && { until }),
  }
}

function timeOf(value: unknown, afterDayMs: number): number | undefined | 'unreadable' {
  if (value === undefined || value === null) return undefined
  const time = typeof value === 'string' && TIME.test(value) ? Date.parse(value) : Number.NaN
  if (Number.isNaN(time)) return 'unreadable'
  return time + ((value as string).includes('T') ? 0 : afterDayMs)
}

/** Defaults are those of the interface: who may give it may take it back and give it up. */
function readRole(json: unknown): KnownRole | undefined {
  if (!isObject(json) || !isPlainText(json['code'], MOST_TEXT) || json['hidden'] === true) return undefined
  const addableBy = textsIn(json['addableBy']) ?? []
  const title = isObject(json['title']) ? json['title'] : {}
  const titles = Object.entries(title).filter((one): one is [string, string] =>
    isPlainText(one[1], MOST_TEXT),
  )
  return {
    ...{ code: json['code'], titles: Object.fromEntries(titles), addableBy },
    withdrawableBy: textsIn(json['withdrawableBy']) ?? addableBy,
    waivableBy: textsIn(json['waivableBy']) ?? addableBy,
    mustBeSigned: json['addingMustBeSigned'] === true,
    givers: textsIn(json['representeeType']) ?? [],
  }
}

function textsIn(json: unknown): string[] | undefined {
  return Array.isArray(json) ? json.filter((one) => isPlainText(one, MOST_TEXT)) : undefined
}
