/**
 * The roles of the settings: their rules with what is meant where nothing stands, and since when each is as
 * it is.
 */
import { hash } from 'node:crypto'
import type { RoleDefinition } from '#schemas/mandates.ts'
import { refuse } from './refusal.ts'
import type { MandatesSettings } from './settings.ts'
import type { MandateStore } from './store.ts'

/** A definition in which every list of who may do something is there. */
export type Role = RoleDefinition &
  Required<Pick<RoleDefinition, 'subDelegableBy' | 'waivableBy' | 'withdrawableBy'>>

export type Roles = {
  /** Throws a refusal for a role that the settings do not have. */
  of(code: string): Role
  /** Whether the settings have it still: what they no longer have gives nothing. */
  has(code: string): boolean
  /** Whether this client gives and ends it by its own word. */
  isRegistrar(client: string, code: string): boolean
  isIntermediary(client: string): boolean
}

export function createRoles(
  settings: Pick<MandatesSettings, 'roles' | 'registrars' | 'intermediaries'>,
): Roles {
  const roles = new Map(settings.roles.map((one) => [one.code, withDefaults(one)]))
  const isOf = (code: string, named: string): boolean =>
    named.endsWith(':*') ? code.startsWith(named.slice(0, -1)) : code === named
  return {
    of(code) {
      const role = roles.get(code)
      if (role === undefined) throw refuse('roleUnknown')
      return role
    },
    has: (code) => roles.has(code),
    isRegistrar: (client, code) =>
      settings.registrars.some(
        (one) => one.client === client && one.roles.some((named) => isOf(code, named)),
      ),
    isIntermediary: (client) => settings.intermediaries.includes(client),
  }
}

function withDefaults(role: RoleDefinition): Role {
  const { addableBy, subDelegableBy = addableBy, waivableBy = addableBy, withdrawableBy = addableBy } = role
  return { ...role, subDelegableBy, waivableBy, withdrawableBy }
}

export type RoleList = {
  /** As `GET /roles` answers; a hidden one is there by its code alone. */
  definitions: object[]
  /** When any of them was last changed, or went, ISO. */
  modified: string
}

/** Compares the settings with what the register had before; what differs was changed now. */
export function listRoles(
  store: MandateStore,
  settings: readonly RoleDefinition[],
  now: number,
): Promise<RoleList> {
  return store.change(async (store) => {
    const at = new Date(now).toISOString()
    const before = new Map((await store.roles()).map((row) => [row.code, row]))
    const definitions: object[] = []
    for (const role of settings) {
      const digest = hash('sha256', JSON.stringify(role))
      const known = before.get(role.code)
      before.delete(role.code)
      const modified = known?.digest === digest ? known.modified : at
      if (modified === at) await store.putRole({ code: role.code, digest, modified })
      definitions.push(role.hidden ? { code: role.code, hidden: true, modified } : { ...role, modified })
    }
    // A role that went has no digest, and the time at which it went.
    for (const { code, digest } of before.values())
      if (digest !== '') await store.putRole({ code, digest: '', modified: at })
    const times = (await store.roles()).map(({ modified }) => modified).sort()
    return { definitions, modified: times.at(-1) ?? at }
  })
}

/**
 * Whether nothing changed since a time as If-Modified-Since has it: of HTTP, or of RFC 3339 as Pääsuke writes
 * it.
 */
export function isUnchanged({ modified }: RoleList, since: string | string[] | undefined): boolean {
  const time = typeof since === 'string' && since.length <= 64 ? Date.parse(since) : Number.NaN
  // Times of HTTP have no fractions of seconds.
  return !Number.isNaN(time) && Math.floor(Date.parse(modified) / 1000) <= Math.floor(time / 1000)
}
