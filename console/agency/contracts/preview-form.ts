/**
 * The demand for previews in the form of a contract. What does not fit goes to the server too, which says
 * what is wrong. Pure.
 */
import type { Field } from '../../kit/field.tsx'
import type { Terms } from './contract.tsx'
import { given, linesOf, long, numberOf, optional, whole } from './form-fields.ts'

export function previewFields(of: Terms['preview']): Field[] {
  return [
    {
      ...whole('previewMinutes', 'contract.previewMinutes', of?.minutes),
      hint: 'contract.previewHint' as const,
    },
    {
      ...long('previewServices', 'contract.previewServices', of?.services?.join('\n')),
      hint: 'contract.consentServicesHint' as const,
    },
  ].map(optional)
}

/** Undefined where nothing of it was filled in. */
export function previewOf(said: (name: string) => string): object | undefined {
  const services = linesOf(said('previewServices'))
  const rule = given<unknown>({
    minutes: numberOf(said('previewMinutes')),
    services: services.length === 0 ? undefined : services,
  })
  return Object.keys(rule).length === 0 ? undefined : rule
}
