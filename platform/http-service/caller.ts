/**
 * The caller of an operation, and whether one of the caller's roles allows it; the role table is `x-roles` in
 * the OpenAPI file.
 */
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'

/** `person` has logged in; `key` is an API key, which cannot do what must be done in person. */
export type Caller = {
  kind: 'person' | 'key' | 'nobody'
  id: string
  name: string
  roles: string[]
  /**
   * For a person: the token that changes need besides the cookie, when the session began, with which passkey,
   * and its end.
   */
  session?: { csrfToken: string; begunAt: string; endsAt: string; passkey?: string }
}

declare module 'fastify' {
  interface FastifyRequest {
    caller?: Caller
  }
}

/** The caller of operations whose `x-roles` is `[public]`. */
export const nobody: Caller = { kind: 'nobody', id: '', name: 'nobody', roles: [] }

/** Throws `forbidden` unless the caller has one of `roles`; `any` allows every authenticated caller. */
export function checkRoles(caller: Caller, roles: string[]): void {
  if (roles.includes('any') || roles.some((role) => caller.roles.includes(role))) return
  throw new Fault('forbidden', { what: say`one of these roles is needed: ${roles.join(', ')}` })
}
