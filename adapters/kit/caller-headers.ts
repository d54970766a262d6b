/** The headers of the request that a handler answers: what the own security server says of the exchange and its client. */
import type { IncomingHttpHeaders } from 'node:http'
import type { Caller } from '#platform/http-service/caller.ts'

/** Each request has a caller of its own. */
const headers = new WeakMap<Caller, IncomingHttpHeaders>()

export function rememberHeaders<C extends Caller>(caller: C, given: IncomingHttpHeaders): C {
  headers.set(caller, given)
  return caller
}

/** By lower-case name. */
export function headersOf(caller: Caller): IncomingHttpHeaders {
  return headers.get(caller) ?? {}
}
