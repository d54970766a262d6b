/**
 * Guarantees that services by which people see who used their data, or consent, are changed by their switches
 * alone: these take a second person where one would end what people see.
 */
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { speaksForPeople } from '../../local-systems/check-address.ts'
import type { ClientView, ServiceDescription } from '../../local-systems/view.ts'

/** Throws `conflict` for the description of a tracker or of consents. */
export function checkNotSwitched({ services }: ServiceDescription): void {
  if (services.some(({ service }) => speaksForPeople(service.url)))
    throw new Fault('conflict', {
      what: say`people see their data by this service: it is switched on and off, and not changed otherwise`,
    })
}

/**
 * Guarantees that such a service does not go with its client, which one person deletes: added again with its
 * other services, the client would answer calls under consents that nobody can withdraw. Throws `conflict`.
 */
export function checkNothingSwitchedOn({ descriptions }: ClientView): void {
  if (descriptions.some(({ services }) => services.some(({ service }) => speaksForPeople(service.url))))
    throw new Fault('conflict', {
      what: say`people see their data or consent by services of this client: switch these off first`,
    })
}
