/** Makes the first API key of a registry, so that nobody has to insert one into the database by hand. */
import { rename } from 'node:fs/promises'
import type { ApiKeys } from '#platform/api-keys/create-api-keys.ts'
import type { AuditLog } from '#platform/audit-log/create-audit-log.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { fileExists, writeDurably } from '../configuration/durable-file.ts'

export const ROLES = [
  'XROAD_REGISTRATION_OFFICER',
  'XROAD_SECURITY_OFFICER',
  'XROAD_SYSTEM_ADMINISTRATOR',
  'XROAD_OBSERVER',
  'XROAD_AUDITOR',
]

const NAME = 'initial'

type Rooms = { apiKeys: ApiKeys; audit: AuditLog }

/**
 * When the database has no API key, writes a key with all roles into `file` (mode 0600). If the process crashes meanwhile, the
 * next start completes the work. Throws `invalid_configuration` when the file exists already, because its key then belongs to
 * another database.
 */
export async function writeInitialApiKey(file: string, rooms: Rooms): Promise<void> {
  // This file exists from before the key is made until it is renamed to `file`.
  const begun = `${file}.begun`
  const keys = await rooms.apiKeys.list()
  if (keys.length > 0 && !(await fileExists(begun))) return
  if (await fileExists(file)) {
    throw new Fault('invalid_configuration', {
      what: `${file} exists, but the database has no API key: the file belongs to another database, remove it`,
    })
  }
  await writeDurably(begun, '')
  for (const key of keys) {
    if (key.name === NAME && key.revokedAt === null) await rooms.apiKeys.revoke(key.id)
  }
  await writeDurably(begun, `${await createApiKey(NAME, ROLES, rooms)}\n`)
  await rename(begun, file)
}

/**
 * For an operator at the machine: makes a key with these roles, records that in the audit log and returns the secret. Throws
 * `invalid_input` for an unknown role or none.
 */
export async function createApiKey(name: string, roles: string[], rooms: Rooms): Promise<string> {
  const unknown = roles.find((role) => !ROLES.includes(role))
  if (unknown !== undefined || roles.length === 0)
    throw new Fault('invalid_input', { what: say`roles are some of ${ROLES.join(',')}` })
  await rooms.audit.before({
    caller: { id: '', name: 'operator' },
    operation: 'addApiKey',
    target: name,
    data: { roles },
  })
  return (await rooms.apiKeys.create({ name, roles })).secret
}
