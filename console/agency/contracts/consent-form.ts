/**
 * The demand for consents in the form of a contract. What does not fit goes to the server too, which says
 * what is wrong. Pure.
 */
import type { Field } from '../../kit/field.tsx'
import { attributeFields, attributesOf } from './attributes-form.ts'
import type { Terms } from './contract.tsx'
import { choice, given, line, linesOf, long, numberOf, optional, whole } from './form-fields.ts'

type Consent = NonNullable<Terms['consent']>
type Said = (name: string) => string

/** `attributes`: for how many of them there are fields. */
export function consentFields(of: Consent | undefined, attributes: number): Field[] {
  const attested = Array.from({ length: attributes }, (_, at) => attributeFields(of?.attributes?.[at], at))
  return [
    {
      ...choice('consentProof', 'contract.consentProof', of?.proof, [
        ['login', 'contract.consent.login'],
        ['wallet', 'contract.consent.wallet'],
      ]),
      hint: 'contract.consentProofHint' as const,
    },
    choice('consentKinds', 'contract.consentKinds', of?.kinds.toSorted().join(), [
      ['once', 'contract.consent.once'],
      ['standing', 'contract.consent.standing'],
      ['once,standing', 'contract.consentBoth'],
    ]),
    whole('consentMaxDays', 'contract.consentMaxDays', of?.maxDays),
    {
      ...line('consentDataLife', 'contract.consentDataLife', 12, pairOf(of?.dataLife)),
      hint: 'contract.consentSpanHint' as const,
    },
    {
      ...line('consentFrequency', 'contract.consentFrequency', 14, timesOf(of?.frequency)),
      hint: 'contract.consentFrequencyHint' as const,
    },
    {
      ...line('consentRange', 'contract.consentRange', 12, pairOf(of?.range)),
      hint: 'contract.consentSpanHint' as const,
    },
    {
      ...long('consentServices', 'contract.consentServices', of?.services?.join('\n')),
      hint: 'contract.consentServicesHint' as const,
    },
    {
      ...line('consentKeptAt', 'contract.consentKeptAt', 40, of?.keptAt),
      hint: 'contract.consentKeptAtHint' as const,
    },
    ...attested.flat(),
  ].map(optional)
}

/** Undefined where nothing of it was filled in. */
export function consentOf(said: Said, attributes: number): object | undefined {
  const kinds = said('consentKinds')
  const services = linesOf(said('consentServices'))
  const rule = given<unknown>({
    proof: said('consentProof') || undefined,
    attributes: attributesOf(said, attributes),
    kinds: kinds === '' ? undefined : kinds.split(','),
    maxDays: numberOf(said('consentMaxDays')),
    dataLife: spanOf(said('consentDataLife')),
    frequency: frequencyOf(said('consentFrequency')),
    range: spanOf(said('consentRange')),
    services: services.length === 0 ? undefined : services,
    keptAt: said('consentKeptAt') || undefined,
  })
  return Object.keys(rule).length === 0 ? undefined : rule
}

function pairOf(of: Consent['range']): string {
  return of === undefined ? '' : `${of.value} ${of.unit}`
}

function timesOf(of: Consent['frequency']): string {
  return of === undefined ? '' : `${of.times} ${of.per}`
}

function spanOf(said: string): object | undefined {
  if (said === '') return undefined
  const [value = '', unit = ''] = said.split(/\s+/)
  return { value: Number(value), unit }
}

function frequencyOf(said: string): object | undefined {
  if (said === '') return undefined
  const [times = '', per = ''] = said.split(/\s+/)
  return { times: Number(times), per }
}
