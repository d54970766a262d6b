/**
 * Who could come in again with a restored server, and who does: nobody but the people whom the operator names, and no API key
 * (docs/decisions/restored-access.md). Pure.
 */
import type { BackupRows } from '#platform/backups/rows.ts'
import { Fault } from '#schemas/fault.ts'

/** A person who could log in when the backup was made; since then this may have been taken away. */
export type BackPerson = {
  id: string
  name: string
  roles: string[]
  state: 'active' | 'invited'
  lastLoginAt: string | null
}
type BackKey = { id: string; name: string; roles: string[] }
export type ComesBack = { people: BackPerson[]; apiKeys: BackKey[] }

/** What a restore does about them, by ids. */
export type Decided = { letIn: string[]; locked: string[]; removed: string[]; endedApiKeys: string[] }

/** The tables of which `comesBackIn` reads the rows. */
export const ACCESS_TABLES = ['person', 'api_key']

/** Who may log in by these rows, and which keys are not revoked; an API key that has expired opens nothing either way. */
export function comesBackIn({ of }: Pick<BackupRows, 'of'>): ComesBack {
  const people: BackPerson[] = []
  for (const row of of.get('person') ?? []) {
    const state = row['state']
    if (state !== 'active' && state !== 'invited') continue
    const lastLoginAt = row['last_login_at']
    people.push({ ...named(row), state, lastLoginAt: typeof lastLoginAt === 'string' ? lastLoginAt : null })
  }
  const keys = (of.get('api_key') ?? []).filter((row) => row['revoked_at'] === null)
  return { people, apiKeys: keys.map(named) }
}

function named(row: Record<string, unknown>): { id: string; name: string; roles: string[] } {
  const text = (column: string): string => String(row[column] ?? '')
  return { id: text('id'), name: text('name'), roles: text('roles').split(',').filter(Boolean) }
}

/**
 * All who are not named stay out: who was active is locked, and can be unlocked; an invitation is taken back. Throws `invalid_input`
 * for a name that does not come back, `invalid_configuration` when nobody could come in who lets others in.
 */
export function decideAccess(
  { people, apiKeys }: ComesBack,
  q: { letIn: readonly string[] /** Login is configured. */; hasLogin: boolean; hasInitialKey: boolean },
): Decided {
  const stranger = q.letIn.find((id) => !people.some((person) => person.id === id))
  if (stranger !== undefined)
    throw new Fault('invalid_input', {
      what: `no person in this backup has the id ${stranger}`,
    })
  const others = people.filter(({ id }) => !q.letIn.includes(id))
  const opens = ({ id, roles }: BackPerson): boolean =>
    q.letIn.includes(id) && roles.includes('XROAD_SYSTEM_ADMINISTRATOR')
  if (!q.hasInitialKey && !(q.hasLogin && people.some(opens)))
    throw new Fault('invalid_configuration', {
      what: 'nobody could come in: every API key ends and everybody is locked. Set admin.initialApiKeyFile, or let a system administrator in with --let-in',
    })
  const ids = (of: { id: string }[]): string[] => of.map(({ id }) => id)
  return {
    letIn: [...q.letIn],
    locked: ids(others.filter(({ state }) => state === 'active')),
    removed: ids(others.filter(({ state }) => state === 'invited')),
    endedApiKeys: ids(apiKeys),
  }
}
