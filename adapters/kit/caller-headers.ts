/**
 * The headers of the request that a handler answers: what the own security server says of the exchange and
 * its client.
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { Caller } from '#platform/http-service/caller.ts'

const HEADERS = Symbol('headers')

type WithHeaders = Caller & { [HEADERS]?: IncomingHttpHeaders }

/** Each request has a caller of its own. */
export function callerWith(
  caller: Omit<Caller, 'roles'> & { roles: readonly string[] },
  headers: IncomingHttpHeaders,
): Caller {
  const known: WithHeaders = { ...caller, roles: [...caller.roles], [HEADERS]: headers }
  return known
}

/** By lower-case name. */
export function headersOf(caller: Caller): IncomingHttpHeaders {
  return (caller as WithHeaders)[HEADERS] ?? {}
}
