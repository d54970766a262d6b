/** The first API key of a registry, so that nobody has to make one by hand in the database. */
import { rename } from 'node:fs/promises'
import type { ApiKeys } from '#platform/api-keys/create-api-keys.ts'
import type { AuditLog } from '#platform/audit-log/create-audit-log.ts'
import { Fault } from '#schemas/fault.ts'
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
 * Writes a key with all roles into `file` (0600) when the database has none; a crash on the way is made good by the next
 * start. Throws `invalid_configuration` when the file is there already: its key belongs to another database.
 */
export async function writeInitialApiKey(file: string, rooms: Rooms): Promise<void> {
  // Stands from before the key is made until it is in its place.
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

/** For an operator at the machine: a key with these roles, recorded like any other act. */
export async function createApiKey(name: string, roles: string[], rooms: Rooms): Promise<string> {
  const unknown = roles.find((role) => !ROLES.includes(role))
  if (unknown !== undefined || roles.length === 0)
    throw new Fault('invalid_input', { what: `roles are some of ${ROLES.join(',')}` })
  await rooms.audit.before({
    caller: { id: '', name: 'operator' },
    operation: 'addApiKey',
    target: name,
    data: { roles },
  })
  return (await rooms.apiKeys.create({ name, roles })).secret
}
