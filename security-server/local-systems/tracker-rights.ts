/**
 * Which calls let somebody ask a tracker about people, or consent in their name: by a right to it, by what an
 * endpoint with a right becomes, or by a group that has one. Pure.
 */
import type { CallInput } from '#platform/http-service/four-eyes.ts'
import { idText } from '#schemas/identifiers.ts'
import { speaksForPeople } from './check-address.ts'
import { serviceIn, serviceOfEndpoint } from './manage.ts'
import type { ServiceView, View } from './view.ts'

/** Throws `not_found`. */
export function givesTracker(view: View, operation: string, { params }: Pick<CallInput, 'params'>): boolean {
  const id = Number(params['id'])
  if (operation === 'addAccessRight') return speaksForPeople(serviceIn(view, id).service.url)
  // Also without a right: one may be waiting for a second person, who saw what the endpoint was.
  if (operation === 'updateEndpoint') return speaksForPeople(serviceOfEndpoint(view, id).service.url)
  if (operation !== 'addLocalGroupMembers') return false
  return trackersOfGroup(view, id).some(({ accessRights }) =>
    accessRights.some(
      ({ subjectType, subject }) => subjectType === 'LOCALGROUP' && subject === view.groups.get(id)!.code,
    ),
  )
}

/**
 * The services by which members of this group may speak for people once a right that waits for a second
 * person is given: who approves it relies on who is in the group by then. None for other operations than to
 * add members.
 */
export function trackersBehindGroup(
  view: View,
  operation: string,
  { params }: Pick<CallInput, 'params'>,
): ServiceView[] {
  return operation === 'addLocalGroupMembers' ? trackersOfGroup(view, Number(params['id'])) : []
}

function trackersOfGroup(view: View, id: number): ServiceView[] {
  const group = view.groups.get(id)
  const descriptions = group === undefined ? [] : (view.clients.get(idText(group.client))?.descriptions ?? [])
  return descriptions
    .flatMap(({ services }) => services)
    .filter(({ service }) => speaksForPeople(service.url))
}
