/** Makes the first API key of a registry, so that nobody has to insert one into the database by hand. */
import { readFile, rename, rm } from 'node:fs/promises'
import { hostname } from 'node:os'
import path from 'node:path'
import type { ApiKeys } from '#platform/api-keys/create-api-keys.ts'
import type { AuditLog } from '#platform/audit-log/create-audit-log.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { fileExists, removeLeft, writeDurably, writeOnce } from '../configuration/durable-file.ts'

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
type Ground = Rooms & { log: Log; settings: { nodes?: object | undefined } }
/** Where the first API key was put, as its record in the audit log says. */
type Place = { host: string; file: string }

/**
 * When the database has no API key, makes one with all roles, whose secret is in `file` (mode 0600). Of nodes
 * that start at once one makes it; the others log where it is. The secret lies beside the file before the
 * database has the key, so a start after a crash completes the work. Throws `invalid_configuration` when the
 * file exists already, because its key then belongs to another database.
 */
export async function writeInitialApiKey(file: string, rooms: Ground): Promise<void> {
  const place: Place = { host: hostname(), file: path.resolve(file) }
  const begun = `${file}.begun`
  await removeLeft(begun)
  if ((await readIfThere(begun))?.trim() === '' && (await isReplaced(place, rooms))) return
  // In this order: a process that shares the folder renames the file only after its key is in the database.
  const isThere = await fileExists(file)
  const isBegun = await fileExists(begun)
  const hasKeys = (await rooms.apiKeys.list()).length > 0
  if (hasKeys && !isBegun) {
    // A server that is one node has made it itself, maybe under an older name of its host.
    if (!isThere && rooms.settings.nodes !== undefined) await tellWhere(place, rooms)
    return
  }
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

/**
 * An older version kept the begun file empty until it had the secret of the key that was in the database by
 * then. Where that is the only key nobody has one: another one is made, and it is revoked. After a crash the
 * file is empty still. Returns false where no key was lost.
 */
async function isReplaced(own: Place, rooms: Ground): Promise<boolean> {
  const { apiKeys, audit, log } = rooms
  const begun = `${own.file}.begun`
  const keys = await apiKeys.list()
  const lost = keys.filter(({ revokedAt }) => revokedAt === null)
  const made = await lastMade(audit)
  const isElsewhere = made.file !== undefined && !isSame(made, own)
  const acts = await Promise.all(lost.map(({ id }) => audit.count({ callerId: id })))
  const isKnown = acts.every((count) => count > 0) || isElsewhere || (await fileExists(own.file))
  if (isKnown || keys.some(({ name }) => name !== NAME)) {
    await rm(begun, { force: true })
    return false
  }
  const data = { roles: ROLES, ...own }
  await audit.before({ caller: OPERATOR, operation: 'addApiKey', target: NAME, data })
  const { secret } = await apiKeys.create({ name: NAME, roles: ROLES })
  await writeDurably(begun, `${secret}\n`)
  for (const { id } of lost) await apiKeys.revoke(id)
  await rename(begun, own.file).catch(unlessAbsent)
  log.warn({ file: own.file }, 'nobody had the first API key: another one is in this file')
  return true
}

/** Where the newest first key was put; a version before this did not say. */
async function lastMade(audit: AuditLog): Promise<Partial<Place>> {
  const [made] = await audit.list({ target: NAME, operations: ['addApiKey'], limit: 1 })
  return (made?.data ?? {}) as Partial<Place>
}

function isSame(one: Partial<Place>, other: Place): boolean {
  return one.host === other.host && one.file === other.file
}

/** Logs where another node has put the first key, as long as that key can be used. */
async function tellWhere(own: Place, { apiKeys, audit, log }: Ground): Promise<void> {
  const isValid = (await apiKeys.list()).some(({ name, revokedAt }) => name === NAME && revokedAt === null)
  if (!isValid) return
  const { host, file } = await lastMade(audit)
  if (file === undefined || isSame({ host, file }, own)) return
  log.info({ host, file }, 'another node made the first API key: it is in its file')
}

async function readIfThere(file: string): Promise<string | undefined> {
  return await readFile(file, 'utf8').catch(unlessAbsent)
}

function unlessAbsent(cause: NodeJS.ErrnoException): undefined {
  if (cause.code !== 'ENOENT') throw new Fault('io_error', { what: cause.path ?? '', cause })
}

/**
 * For an operator at the machine: makes a key with these roles, records that in the audit log and returns the
 * secret. Throws `invalid_input` for an unknown role or none.
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
