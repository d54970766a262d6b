/** Who asks, and whether one of their roles allows the operation; the role table is `x-roles` in the OpenAPI file. */
import { Fault } from '#schemas/fault.ts'

/** `person` logged in; `key` is an API key, which can do nothing that must be done in person. */
export type Caller = {
  kind: 'person' | 'key' | 'nobody'
  id: string
  name: string
  roles: string[]
  /** Of a person: what changes need beside the cookie, and when the session ends. */
  session?: { csrfToken: string; endsAt: string }
}

declare module 'fastify' {
  interface FastifyRequest {
    caller?: Caller
  }
}

/** The caller of operations whose `x-roles` is `[public]`. */
export const nobody: Caller = { kind: 'nobody', id: '', name: 'nobody', roles: [] }

/** Throws `forbidden` unless the caller has one of `roles`; `any` stands for every caller that was authenticated. */
export function checkRoles(caller: Caller, roles: string[]): void {
  if (roles.includes('any') || roles.some((role) => caller.roles.includes(role))) return
  throw new Fault('forbidden', { what: `one of these roles is needed: ${roles.join(', ')}` })
}
