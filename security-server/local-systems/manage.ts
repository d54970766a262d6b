/** What all changes share: the current view, a transaction that raises the counter, the time, and checks. */
import type { Clock } from '#platform/clock.ts'
import { Fault } from '#schemas/fault.ts'
import { type ClientId, idText } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import type { OwnListener } from './check-address.ts'
import type { Transaction } from './store.ts'
import type { ClientView, LocalGroup, ServiceDescription, ServiceView, View } from './view.ts'

export type Manage = {
  clock: Clock
  own: readonly OwnListener[]
  view(): View
  /** Runs a change; when it resolves, the view contains it. */
  change<T>(act: (transaction: Transaction) => Promise<T>): Promise<T>
  /**
   * Runs a change that was made for exactly this view. Returns false, and loads the newer view, if there is
   * one.
   */
  changeOf(view: View, act: (transaction: Transaction) => Promise<void>): Promise<boolean>
}

/** Throws when the change may not be made to what is there. */
export type Judge = (view: View) => void

/** How often others may change something while a change is judged and made. */
const MAX_TRIES = 5

/** Makes a change to exactly what was judged. Throws what `judge` throws, or `conflict`. */
export async function changeJudged(
  manage: Manage,
  judge: Judge,
  act: (transaction: Transaction) => Promise<void>,
): Promise<void> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const view = manage.view()
    judge(view)
    if (await manage.changeOf(view, act)) return
  }
  throw new Fault('conflict', { what: say`others change the services of this server at the same time` })
}

export function timeOf(manage: Manage): string {
  return new Date(manage.clock()).toISOString()
}

export function clientIn(view: View, id: ClientId): ClientView {
  return found(view.clients.get(idText(id)), `client ${idText(id)}`)
}

export function descriptionIn(view: View, id: number): ServiceDescription {
  return found(view.descriptions.get(id), `service description ${id}`)
}

export function serviceIn(view: View, key: number): ServiceView {
  return found(view.servicesByKey.get(key), `service ${key}`)
}

export function groupIn(view: View, id: number): LocalGroup {
  return found(view.groups.get(id), `local group ${id}`)
}

/** The service that has an endpoint. */
export function serviceOfEndpoint(view: View, endpoint: number): ServiceView {
  const services = [...view.servicesByKey.values()]
  const service = services.find((each) => each.endpoints.some(({ id }) => id === endpoint))
  return found(service, `endpoint ${endpoint}`)
}

function found<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Fault('not_found', { what })
  return value
}
