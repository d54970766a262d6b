/**
 * Which calls let somebody ask a tracker about people, or consent in their name: by a right to it, by what an endpoint with a right becomes,
 * or by a group that has one. Pure.
 */
import type { CallInput } from '#platform/http-service/four-eyes.ts'
import { idText } from '#schemas/identifiers.ts'
import { speaksForPeople } from './check-address.ts'
import { serviceIn, serviceOfEndpoint } from './manage.ts'
import type { View } from './view.ts'

/** Throws `not_found`. */
export function givesTracker(view: View, operation: string, { params }: Pick<CallInput, 'params'>): boolean {
  const id = Number(params['id'])
  if (operation === 'addAccessRight') return speaksForPeople(serviceIn(view, id).service.url)
  // Also without a right: one may be waiting for a second person, who saw what the endpoint was.
  if (operation === 'updateEndpoint') return speaksForPeople(serviceOfEndpoint(view, id).service.url)
  const group = operation === 'addLocalGroupMembers' ? view.groups.get(id) : undefined
  if (group === undefined) return false
  const descriptions = view.clients.get(idText(group.client))?.descriptions ?? []
  return descriptions
    .flatMap(({ services }) => services)
    .filter(({ service }) => speaksForPeople(service.url))
    .some(({ accessRights }) =>
      accessRights.some(({ subjectType, subject }) => subjectType === 'LOCALGROUP' && subject === group.code),
    )
}
