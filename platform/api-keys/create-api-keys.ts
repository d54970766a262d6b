/**
 * Keys of the management APIs, `Authorization: X-Road-ApiKey token=...`. A key is shown once; what is stored is its
 * SHA-256, which is enough for 256 random bits. Revocation holds from the next request on.
 */
import { createHash, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto'
import type { Clock } from '#platform/clock.ts'
import type { Database } from '#platform/database/open-database.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import { Fault } from '#schemas/fault.ts'
import type { ApiKeyRow } from './store.ts'
import { createApiKeyStore } from './store.ts'

/** A key as administrators see it; times are ISO texts. */
export type ApiKey = {
  id: string
  name: string
  roles: string[]
  createdAt: string
  expiresAt: string | null
  revokedAt: string | null
}

export type ApiKeys = {
  /** `secret` is what the caller sends after `token=`; it cannot be read again. */
  create(q: { name: string; roles: string[]; expiresAt?: Date }): Promise<{ id: string; secret: string }>
  /** Who sent this Authorization header. Throws `unauthorized`, without saying why. */
  authenticate(authorization: string | undefined): Promise<Caller>
  list(): Promise<ApiKey[]>
  /** Throws `not_found`. */
  revoke(id: string): Promise<void>
}

const HEADER_FORM = /^X-Road-ApiKey token=([0-9a-f-]{36})\.([A-Za-z0-9_-]{43})$/i
const SECRET_BYTES = 32
const NO_DIGEST = Buffer.alloc(32)

export function createApiKeys(q: { database: Database; clock: Clock }): ApiKeys {
  const store = createApiKeyStore(q.database)
  return {
    create: async ({ name, roles, expiresAt }) => {
      if (name === '' || roles.length === 0)
        throw new Fault('invalid_input', { what: 'a key needs a name and roles' })
      const id = randomUUID()
      const secret = randomBytes(SECRET_BYTES).toString('base64url')
      await store.insert({
        id,
        name,
        roles: roles.join(','),
        digest: digestOf(secret),
        created_at: new Date(q.clock()).toISOString(),
        expires_at: expiresAt?.toISOString() ?? null,
        revoked_at: null,
      })
      return { id, secret: `${id}.${secret}` }
    },
    authenticate: async (authorization) => {
      const [, id, secret] = HEADER_FORM.exec(authorization ?? '') ?? []
      if (id === undefined || secret === undefined) throw new Fault('unauthorized')
      const row = await store.find(id.toLowerCase())
      const matches = timingSafeEqual(digestOf(secret), row?.digest ?? NO_DIGEST)
      const now = new Date(q.clock()).toISOString()
      if (row === undefined || !matches || row.revoked_at !== null) throw new Fault('unauthorized')
      if (row.expires_at !== null && row.expires_at <= now) throw new Fault('unauthorized')
      return { kind: 'key', id: row.id, name: row.name, roles: row.roles.split(',') }
    },
    list: async () => (await store.list()).map(keyOf),
    revoke: async (id) => {
      if (!(await store.revoke(id, new Date(q.clock()).toISOString()))) throw new Fault('not_found')
    },
  }
}

function digestOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}

function keyOf(row: ApiKeyRow): ApiKey {
  const { id, name, created_at, expires_at, revoked_at } = row
  return {
    id,
    name,
    roles: row.roles.split(','),
    createdAt: created_at,
    expiresAt: expires_at,
    revokedAt: revoked_at,
  }
}
