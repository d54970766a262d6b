/** Makes the first API key of a registry, so that nobody has to insert one into the database by hand. */
import { readFile, rename, rm } from 'node:fs/promises'
import { hostname } from 'node:os'
import path from 'node:path'
import type { ApiKeys } from '#platform/api-keys/create-api-keys.ts'
import type { AuditLog } from '#platform/audit-log/create-audit-log.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { fileExists, writeOnce } from '../configuration/durable-file.ts'

export const ROLES = [
  'XROAD_REGISTRATION_OFFICER',
  'XROAD_SECURITY_OFFICER',
  'XROAD_SYSTEM_ADMINISTRATOR',
  'XROAD_OBSERVER',
  'XROAD_AUDITOR',
]

const NAME = 'initial'
const OPERATOR = { id: '', name: 'operator' }

type Rooms = { apiKeys: ApiKeys; audit: AuditLog }
/** Where the first API key was put, as its record in the audit log says. */
type Place = { host: string; file: string }

/**
 * When the database has no API key, makes one with all roles, whose secret is in `file` (mode 0600). Of nodes that start at once one makes
 * it; the others log where it is. The secret lies beside the file before the database has the key, so a start after a crash completes the
 * work. Throws `invalid_configuration` when the file exists already, because its key then belongs to another database.
 */
export async function writeInitialApiKey(file: string, rooms: Rooms & { log: Log }): Promise<void> {
  const place: Place = { host: hostname(), file: path.resolve(file) }
  const begun = `${file}.begun`
  // An older version kept it empty until its key was made: nobody has that key.
  if ((await readIfThere(begun))?.trim() === '') await rm(begun, { force: true })
  // In this order: a process that shares the folder renames the file only after its key is in the database.
  const isThere = await fileExists(file)
  const isBegun = await fileExists(begun)
  const hasKeys = (await rooms.apiKeys.list()).length > 0
  if (hasKeys && !isBegun) return isThere ? undefined : tellWhere(place, rooms)
  if (isThere && !hasKeys) {
    throw new Fault('invalid_configuration', {
      what: `${file} exists, but the database has no API key: the file belongs to another database, remove it`,
    })
  }
  if (!isBegun) await writeOnce(begun, `${rooms.apiKeys.draw()}\n`)
  const secret = await readIfThere(begun)
  // Another process of this folder has just completed it.
  if (secret === undefined) return
  const key = { name: NAME, roles: ROLES, secret: secret.trim() }
  const isFirst = await rooms.apiKeys.createFirst(key, (within) =>
    rooms.audit.before(
      { caller: OPERATOR, operation: 'addApiKey', target: NAME, data: { roles: ROLES, ...place } },
      within,
    ),
  )
  if (isFirst) await rename(begun, file).catch(unlessAbsent)
  else {
    await rm(begun, { force: true })
    await tellWhere(place, rooms)
  }
}

/** Logs where another node has put the first key, as long as that key can be used. */
async function tellWhere(own: Place, { apiKeys, audit, log }: Rooms & { log: Log }): Promise<void> {
  const isValid = (await apiKeys.list()).some(({ name, revokedAt }) => name === NAME && revokedAt === null)
  if (!isValid) return
  const [made] = await audit.list({ target: NAME, operations: ['addApiKey'], limit: 1 })
  const { host, file } = (made?.data ?? {}) as Partial<Place>
  if (file === undefined || (host === own.host && file === own.file)) return
  log.info({ host, file }, 'another node made the first API key: it is in its file')
}

async function readIfThere(file: string): Promise<string | undefined> {
  return await readFile(file, 'utf8').catch(unlessAbsent)
}

function unlessAbsent(cause: NodeJS.ErrnoException): undefined {
  if (cause.code !== 'ENOENT') throw new Fault('io_error', { what: cause.path ?? '', cause })
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
    caller: OPERATOR,
    operation: 'addApiKey',
    target: name,
    data: { roles },
  })
  return (await rooms.apiKeys.create({ name, roles })).secret
}
