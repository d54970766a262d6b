/**
 * The form of an offer. Guarantees that each value which a register gave has its source beside it, and that
 * the application says of each value whether a register or the person said it: a value that the person
 * changed is the person's, with the register's beside it.
 */

import { Fault } from '#schemas/fault.ts'
import type { AskedCall, FormField, OfferForm, OfferValue } from '#schemas/offers.ts'
import type { CallResult } from './make-call.ts'
import type { CallSettings, FieldSettings, RuleSettings } from './settings.ts'
import type { Content, Filled, KeptOffer } from './store.ts'
import { asKind, valueAt } from './value-at.ts'
import type { Who } from './who.ts'

/** What a field is in the application. */
type Said = {
  value: OfferValue
  from: 'register' | 'person'
  /** Of a register's value. */
  service?: string
  messageId?: string
  /** What the register says where the person says something else. */
  register?: { value: OfferValue; service: string; messageId: string }
}

type Application = {
  /** Of the offer: the same one that comes again is the same application. */
  application: string
  rule: string
  person: string
  channel: string
  /** Who acted for the person. */
  actor?: string
  /** The number of their mandate. */
  mandate?: string
  event: Record<string, string>
  fields: Record<string, Said>
}

/** Takes over what a call answered; only values of the form that their fields have. */
export function takeAnswer(
  filled: Filled,
  q: { call: CallSettings; result: CallResult; fields: readonly FieldSettings[]; time: string },
): void {
  const { call, result } = q
  const { outcome, code, messageId } = result
  filled.calls[call.name] = {
    outcome,
    ...(code !== undefined && { code }),
    ...(messageId !== undefined && { messageId }),
  }
  if (outcome !== 'answered') return
  for (const [name, pointer] of Object.entries(call.fields)) {
    const { kind } = q.fields.find((field) => field.name === name)!
    const value = asKind(kind, valueAt(result.document, pointer))
    if (value === undefined) continue
    const { agency, service, contract, legalBasis } = call
    const source = {
      ...{ agency, service, legalBasis, time: q.time, messageId: messageId ?? '' },
      ...(contract !== undefined && { contract }),
    }
    filled.fields[name] = { value, source }
  }
}

/** As the person sees it. Who has a letter alone sees which register gave a value, and not the value. */
export function formOf(
  rule: RuleSettings,
  { id, state, content }: KeptOffer,
  { byPage }: Pick<Who, 'byPage'>,
): OfferForm {
  const { calls = {}, fields = {} } = content?.filled ?? {}
  const own = <T>(all: Record<string, T>, name: string): T | undefined =>
    Object.hasOwn(all, name) ? all[name] : undefined
  return {
    ...{ id, state },
    fields: rule.fields.map(({ name, label, kind, isRequired, correctAt }): FormField => {
      const found = own(fields, name)
      const field = { name, label, kind, isRequired, ...(correctAt && { correctAt }) }
      if (found === undefined) return { ...field, from: 'nobody' }
      const { value, source } = found
      return byPage
        ? { ...field, from: 'register', isHidden: true, source }
        : { ...field, from: 'register', value, source }
    }),
    asked: rule.calls.map(
      ({ name, agency }): AskedCall => ({ name, agency, ...(own(calls, name) ?? { outcome: 'not-agreed' }) }),
    ),
  }
}

/**
 * The application out of the form and what the person says. Throws `invalid_input`, which names fields and no
 * values.
 */
export function applicationOf(
  rule: RuleSettings,
  q: {
    id: string
    content: Content
    said: Readonly<Record<string, unknown>>
    channel: string
    actor: string | undefined
    mandate?: string | undefined
  },
): Application {
  const { content, said } = q
  const unknown = Object.keys(said).find((name) => !rule.fields.some((field) => field.name === name))
  if (unknown !== undefined)
    throw new Fault('invalid_input', { what: 'values has a field that the form does not have' })
  const fields: Record<string, Said> = {}
  for (const field of rule.fields) {
    const { name, isRequired } = field
    const known = content.filled?.fields[name]
    const own = Object.hasOwn(said, name) ? saidValue(field, said[name]) : undefined
    if (known !== undefined) {
      const { value, source } = known
      const { service, messageId } = source
      fields[name] =
        own === undefined || own === value
          ? { value, from: 'register', service, messageId }
          : { value: own, from: 'person', register: { value, service, messageId } }
    } else if (own !== undefined) fields[name] = { value: own, from: 'person' }
    else if (isRequired) throw new Fault('invalid_input', { what: `the field ${name} is missing` })
  }
  return {
    ...{ application: q.id, rule: rule.name, person: content.person, channel: q.channel },
    ...(q.actor !== undefined && { actor: q.actor }),
    ...(q.mandate !== undefined && { mandate: q.mandate }),
    ...{ event: content.values, fields },
  }
}

function saidValue({ name, kind, pattern, least, most }: FieldSettings, given: unknown): OfferValue {
  const value = asKind(kind, typeof given === 'string' ? given.trim() : given)
  const isFitting =
    value !== undefined &&
    (pattern === undefined || new RegExp(`^(?:${pattern})$`, 'u').test(String(value))) &&
    (typeof value !== 'number' || (value >= (least ?? -Infinity) && value <= (most ?? Infinity)))
  if (!isFitting) throw new Fault('invalid_input', { what: `the field ${name} has no value of its form` })
  return value
}
