/**
 * What the exact content of a proposal leaves unsaid to a reader: what its certificates say, and whom or what its numbers
 * mean. It helps to read and binds nothing: what is approved is the content by its hash.
 */

import { type CertificateFacts, certificateFacts } from '#core/certificate/certificate-facts.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import type { Content } from './rules.ts'

/** Declared here, answered by the rooms that know. */
export type Known = {
  /** Undefined too for a caller who may not read about people. */
  person(id: string, caller: Caller): Promise<object | undefined>
  /** Names of certification or time-stamping services by their number in paths. */
  service(operation: string, id: number): Promise<string | undefined>
}

type Explained = {
  /** `at` is the field; without more it holds no certificate that can be read, and carrying it out will say so. */
  certificates: ({ at: string } & Partial<CertificateFacts>)[]
  person?: object
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

/** What it is about in a line of a list: the values of its path and the short ones of its body. */
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
