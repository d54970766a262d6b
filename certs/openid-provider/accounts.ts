/**
 * The people who can log in at the development provider, and the programs that may use it: a file, read once
 * at the start.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { Fault } from '#schemas/fault.ts'

/**
 * `code` is what registers know a citizen by, or an agency a member of its staff; `duty` what somebody does
 * there.
 */
type Person = { subject: string; name: string; email: string; password: string; code?: string; duty?: string }
type Client = { id: string; secret: string; redirectUri: string }

export type Accounts = {
  clients: Client[]
  find(subject: string): Person | undefined
  /** The person with this name and password; undefined if they do not match. */
  check(subject: string, password: string): Person | undefined
}

const FIELDS = { person: ['subject', 'name', 'email', 'password'], client: ['id', 'secret', 'redirectUri'] }

/** Reads `{"people": [...], "clients": [...]}`. Throws `invalid_configuration`. */
export function readAccounts(text: string): Accounts {
  const { people, clients } = parse(text) as { people: Person[]; clients: Client[] }
  const digest = (word: string): Buffer => createHash('sha256').update(word).digest()
  const find = (subject: string): Person | undefined => people.find((one) => one.subject === subject)
  return {
    clients,
    find,
    check(subject, password) {
      const person = find(subject)
      // Takes equally long for an unknown name.
      const fits = timingSafeEqual(digest(password), digest(person?.password ?? ''))
      return fits && person !== undefined && password !== '' ? person : undefined
    },
  }
}

function parse(text: string): unknown {
  let file: Partial<Record<string, unknown>> | null
  try {
    file = JSON.parse(text) as typeof file
  } catch {
    throw refused('it is no JSON')
  }
  check(file?.['people'], 'people', FIELDS.person)
  check(file?.['clients'], 'clients', FIELDS.client)
  return file
}

function check(list: unknown, name: string, fields: string[]): void {
  if (!Array.isArray(list)) throw refused(`${name} is no list`)
  for (const one of list as Record<string, unknown>[]) {
    const missing = fields.find((field) => typeof one?.[field] !== 'string' || one[field] === '')
    if (missing !== undefined) throw refused(`${name}: each has ${fields.join(', ')}; ${missing} is missing`)
  }
}

function refused(what: string): Fault {
  return new Fault('invalid_configuration', { what: `openIdFile: ${what}` })
}
