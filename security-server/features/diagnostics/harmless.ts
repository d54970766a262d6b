/** Removes passwords, queries of addresses and addresses of people from texts that other programs wrote. */
import { Said } from '#schemas/said.ts'

/**
 * A password that holds what an address would encode is cut all the same, to the last @: rather too much goes
 * than a part of it stays.
 */
const USER_OF_URL = /(\b[a-z][a-z0-9+.-]*:\/\/)(?:[^\s/@:]*:[^\s"'<>]*|[^\s/@]*)@/gi
const QUERY_OF_URL = /(\b[a-z][a-z0-9+.-]*:\/\/[^\s?#]*)[?#][^\s"')]*/gi
const MAIL_ADDRESS = /[^\s@<>"]+@[^\s@<>"]+\.[^\s@<>"]+/g

/**
 * Cuts users, passwords and queries out of addresses, and addresses of people, wherever a text has them. What
 * comes back is sent as `value` would be.
 */
export function harmless<T>(value: T): T {
  return withoutNames(value) as T
}

function withoutNames(value: unknown): unknown {
  if (typeof value === 'string')
    return value
      .replace(USER_OF_URL, '$1')
      .replace(QUERY_OF_URL, '$1')
      .replace(MAIL_ADDRESS, '(a mail address)')
  if (Array.isArray(value)) return value.map(withoutNames)
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Date) return value.toISOString()
  if (value instanceof Said) return withoutNames(value.toString())
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, withoutNames(one)]))
}
