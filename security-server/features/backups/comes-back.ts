/**
 * Decides who can log in after a restore: only the people whom the operator names, and no API key
 * (docs/decisions/restored-access.md). Pure.
 */
import type { BackupRows } from '#platform/backups/rows.ts'
import { Fault } from '#schemas/fault.ts'
import type { Time } from '#schemas/sent-values.ts'

/** A person who could log in when the backup was made. They may have lost this right since. */
export type BackPerson = {
  id: string
  name: string
  roles: string[]
  state: 'active' | 'invited'
  lastLoginAt: Time | null
}
type BackKey = { id: string; name: string; roles: string[] }
export type ComesBack = { people: BackPerson[]; apiKeys: BackKey[] }

/** What the restore does with them, as ids. */
export type Decided = { letIn: string[]; locked: string[]; removed: string[]; endedApiKeys: string[] }

/** The tables whose rows `comesBackIn` reads. */
export const ACCESS_TABLES = ['person', 'api_key']

/**
 * The people who could log in by these rows, and the API keys that are not revoked. Expired keys are
 * included; they give no access anyway.
 */
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
 * Everybody who is not named stays out: active people are locked and can be unlocked later; invitations are
 * withdrawn. Throws `invalid_input` for a name that is not in the backup. Throws `invalid_configuration`
 * without an initial API key, unless at least one named system administrator can log in.
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
