/**
 * Explains what a reader cannot see in the exact content of a proposal: the facts of its certificates, and
 * which person or service its ids mean. The explanation binds nothing: people approve the content by its
 * hash.
 */

import { type CertificateFacts, certificateFacts } from '#core/certificate/certificate-facts.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import type { PeopleStore } from '#platform/people/store.ts'
import type { Content } from './rules.ts'

type Person = Awaited<ReturnType<PeopleStore['find']>>

/** Looks up names for an explanation; implemented by the folders that have them. */
export type Known = {
  /** Also undefined for a caller who may not read about people. */
  person(id: string, caller: Caller): Promise<Person | undefined>
  /** The name of a certification or time-stamping service, by its number in the path. */
  service(operation: string, id: number): Promise<string | undefined>
}

type Explained = {
  /**
   * `at` is the path of the field. Without further facts the certificate cannot be read, and carrying out the
   * proposal will fail with that reason.
   */
  certificates: ({ at: string } & Partial<CertificateFacts>)[]
  person?: Person
  service?: string
}

export async function explain(
  content: Content | undefined,
  known: Known,
  caller: Caller,
): Promise<Explained> {
  if (content === undefined) return { certificates: [] }
  const { operation, params, body } = content
  const id = params['id'] ?? ''
  const person =
    /Person/.test(operation) && id !== '' ? await known.person(id.toLowerCase(), caller) : undefined
  const service = /Service$|IntermediateCa$/.test(operation)
    ? await known.service(operation, Number(id))
    : undefined
  return {
    certificates: Buffer.isBuffer(body) ? [readable('body', body)] : certificatesIn('body', body),
    ...(person === undefined ? {} : { person }),
    ...(service === undefined ? {} : { service }),
  }
}

const MAX_SUMMARY = 200

/** Summarises a proposal for one line of a list: the values of its path and the short ones of its body. */
export function summaryOf(content: Content | undefined): string {
  if (content === undefined) return ''
  const { params, body } = content
  const fields = Buffer.isBuffer(body) || typeof body !== 'object' || body === null ? {} : body
  const values = [
    ...Object.values(params),
    ...Object.entries(fields).flatMap(([name, value]) => shown(name, value)),
  ]
  return values.join(', ').slice(0, MAX_SUMMARY)
}

function shown(name: string, value: unknown): string[] {
  if (name === 'certificate' || name === 'contentHash') return []
  if (typeof value === 'string') return [value]
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : []
}

function certificatesIn(at: string, value: unknown): Explained['certificates'] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, inner]) =>
    name === 'certificate' && typeof inner === 'string'
      ? [readable(`${at}.${name}`, Buffer.from(inner, 'latin1'))]
      : certificatesIn(`${at}.${name}`, inner),
  )
}

function readable(at: string, bytes: Buffer): Explained['certificates'][number] {
  try {
    return { at, ...certificateFacts(bytes) }
  } catch {
    return { at }
  }
}
