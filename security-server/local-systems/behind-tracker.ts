/**
 * What people who ask who used their data rely on: that calls are found by person. Where a subsystem of this
 * server answers them, nobody alone says that calls are about nobody, or takes back where the person stands:
 * both end that uses are found, without an end. Pure.
 */
import type { CallInput } from '#platform/http-service/four-eyes.ts'
import { isTracker } from './check-address.ts'
import type { View } from './view.ts'

type Call = Pick<CallInput, 'body'>

/** By operation: whether a call of it hides something, where there is a tracker. */
const HIDES: Record<string, (call: Call) => boolean> = {
  addSubjectPlace: ({ body }) => (body as { in?: unknown }).in === 'none',
  deleteSubjectPlace: () => true,
}

/** Whether this operation takes two people only in some calls, because of trackers. */
export function isBehindTracker(operation: string): boolean {
  return Object.hasOwn(HIDES, operation)
}

/**
 * Whether this call would hide uses from people who ask a subsystem of this server, its own services' or
 * those that it calls.
 */
export function hidesFromTracker(view: View, operation: string, call: Call): boolean {
  const isOn = [...view.clients.values()].some(({ descriptions }) =>
    descriptions.some(({ services }) => services.some(({ service }) => isTracker(service.url))),
  )
  return isOn && HIDES[operation]!(call)
}
