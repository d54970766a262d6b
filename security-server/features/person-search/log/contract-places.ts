/** The places of identifiers by the contract of an exchange. */
import { personPlaces } from '#core/contract/person-places.ts'
import type { ContractContent } from '#schemas/contract.ts'
import type { Declared } from './find-subjects.ts'

/** `service`: the service's identifier. Undefined when the contract names no place. */
export function contractPlaces(
  content: Pick<ContractContent, 'personalData' | 'provider' | 'services'>,
  service: string,
): Declared['contract'] {
  if (!content.personalData) return 'not_personal'
  const codes = service.slice(content.provider.length + 1).split('/')
  const terms = content.services.find(({ serviceCode }) => serviceCode === decodeURIComponent(codes[0] ?? ''))
  if (terms === undefined || !service.startsWith(`${content.provider}/`)) return undefined
  return personPlaces(terms)
}
