/**
 * Guarantees that a request says nothing that its contract does not name: both halves ask it, so that nothing
 * leaves which the provider would refuse.
 */
import { Fault } from '#schemas/fault.ts'
import type { RequestMessage } from '../message/codec.ts'
import { cutBodyFields, cutSoapFields } from '../message/cut-fields.ts'
import { canBeTold } from '../message/told-names.ts'
import type { TermsOnRecord } from './terms-on-record.ts'

type Asked = Omit<RequestMessage, 'codec' | 'messageSha512'> & { terms: TermsOnRecord }

const MOST_TOLD = 5

/** Throws `outside_contract`. A contract that names no fields of the request allows all. */
export async function checkFields<T extends Asked>(asked: T): Promise<T> {
  const rule = asked.terms.fields?.request
  if (rule === undefined) return asked
  const { request, message, body, terms } = asked
  const outside = (why: string): Fault => new Fault('outside_contract', { what: `${terms.contract}: ${why}` })
  const isSoap = request.protocol === 'SOAP'
  if (isSoap && body !== undefined) throw outside('the request has attachments')
  if (!isSoap && (body === undefined || body.size === 0)) return asked
  const { allowed } = rule
  const cut = isSoap
    ? await cutSoapFields(message, allowed)
    : await cutBodyFields(body!, request.headers, allowed)
  if ('unreadable' in cut) throw outside(`the body cannot be held against its fields: ${cut.unreadable}`)
  const { names, count } = cut.removed
  if (count === 0) return asked
  const told = names.filter(canBeTold).slice(0, MOST_TOLD)
  throw outside(told.length === 0 ? 'names are not told here' : told.join(', '))
}
