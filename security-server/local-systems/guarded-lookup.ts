/**
 * Resolves a name once, and the connection uses the addresses that were judged here: a second, different DNS
 * answer (rebinding) has no effect, and nobody learns which ports are open where no service may lie.
 */
import { lookup } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { Fault } from '#schemas/fault.ts'
import { type OwnListener, whyNoService } from './check-address.ts'

/** Fails with `service_malformed_url` when one of the addresses is none for a service at this port. */
export function guardedLookup(port: number, own: readonly OwnListener[]): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, options, (error, address, family) => {
      const found =
        error === null ? [address].flat().map((one) => (typeof one === 'string' ? one : one.address)) : []
      const why = found
        .map((one) => whyNoService({ address: one, port }, own))
        .find((one) => one !== undefined)
      const fault = why === undefined ? error : new Fault('service_malformed_url', { what: why })
      callback(fault as NodeJS.ErrnoException | null, address as string, family)
    })
  }
}
