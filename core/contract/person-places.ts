/**
 * Where in calls of a service its contract says that the person stands. A path pattern names no parameters:
 * its only star is the place.
 */
import { USUAL_TYPE } from '#core/subject/identifier.ts'
import { type SubjectPlace, templateOf } from '#core/subject/place.ts'
import type { ContractService } from '#schemas/contract.ts'

/** Undefined when the contract names no place. */
export function personPlaces({ dataSubject, endpoints }: ContractService): SubjectPlace[] | undefined {
  if (dataSubject === undefined) return undefined
  const { in: where, name } = dataSubject
  const place = { in: where, name, type: USUAL_TYPE }
  if (where !== 'path') return [{ ...place, method: '*', path: '**' }]
  return endpoints.flatMap(({ method, path }): SubjectPlace[] => {
    const template = templateOf(path, name)
    return template === undefined ? [] : [{ ...place, method, path: template }]
  })
}
