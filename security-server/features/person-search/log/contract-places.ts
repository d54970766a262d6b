/**
 * The places of identifiers by the contract of an exchange. A contract's path pattern names no parameters, so its only star is
 * the place.
 */
import { USUAL_TYPE } from '#core/subject/identifier.ts'
import { type SubjectPlace, templateOf } from '#core/subject/place.ts'
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
  if (terms?.dataSubject === undefined || !service.startsWith(`${content.provider}/`)) return undefined
  const { in: where, name } = terms.dataSubject
  const place = { in: where, name, type: USUAL_TYPE }
  if (where !== 'path') return [{ ...place, method: '*', path: '**' }]
  return terms.endpoints.flatMap(({ method, path }): SubjectPlace[] => {
    const template = templateOf(path, name)
    return template === undefined ? [] : [{ ...place, method, path: template }]
  })
}
