/** Retention classes: how long content is kept, what stays after its end, and what is archived of it. */
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { EndMode } from '../../message-log/erasure/erase.ts'

/** The class of all services that are assigned to no other one. It always exists. */
export const DEFAULT_CLASS = 'default'

/**
 * What is archived before content ends. CONTAINERS: the signed messages. TOMBSTONES: content must not be
 * archived, only the leaf and its proof. NONE: nothing.
 */
export type ArchiveMode = 'CONTAINERS' | 'TOMBSTONES' | 'NONE'

export type RetentionClass = {
  id: number
  name: string
  /** Whole days from a record's time to the end of its content. Null: it is kept without limit. */
  keepDays: number | null
  atEnd: EndMode
  archive: ArchiveMode
}

export type ClassSettings = Omit<RetentionClass, 'id'>

const NAME = /^[a-z0-9][a-z0-9_-]{0,39}$/
/** A hundred years. In days, as X-Road's keep-records-for. */
const MOST_DAYS = 36_525
const DAY_MS = 24 * 60 * 60 * 1000

/** Throws `invalid_input`. The name is part of file names, so few characters are allowed. */
export function checkClass({ name, keepDays }: ClassSettings): void {
  if (!NAME.test(name))
    throw new Fault('invalid_input', { what: say`a class is named by lower case letters, digits, - and _` })
  if (keepDays !== null && (!Number.isInteger(keepDays) || keepDays < 1 || keepDays > MOST_DAYS))
    throw new Fault('invalid_input', { what: say`content is kept for 1 to ${MOST_DAYS} days` })
}

/** When the content of a record of this time (ISO) ends; null: never. */
export function endOf(time: string, { keepDays }: Pick<RetentionClass, 'keepDays'>): string | null {
  return keepDays === null ? null : new Date(Date.parse(time) + keepDays * DAY_MS).toISOString()
}

/**
 * The longer of the times that the class and the contract set: the contract states the least that both
 * parties promised to keep, the class the least that this server keeps. The default class without an end is
 * ignored if there is a contract, because nobody has decided it.
 */
export function longer({ name, keepDays }: RetentionClass, ofContract: number | null): number | null {
  if (ofContract === null) return keepDays
  if (keepDays === null) return name === DEFAULT_CLASS ? ofContract : null
  return Math.max(keepDays, ofContract)
}
