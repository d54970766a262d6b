/**
 * Keys of the management APIs, `Authorization: X-Road-ApiKey token=...`. A key is shown once. Stored is its
 * SHA-256, which is enough for 256 random bits, and for the 122 of a key in X-Road's form, a UUID. A
 * revocation is effective from the next request on.
 */
import { createHash, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto'
import type { Clock } from '#platform/clock.ts'
import type { Page } from '#platform/database/lists.ts'
import type { Database, Within } from '#platform/database/open-database.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { Time, Uuid } from '#schemas/sent-values.ts'
import { addressesText, isAmong } from './from-addresses.ts'
import type { ApiKeyRow } from './store.ts'
import { createApiKeyStore } from './store.ts'

/** A key in the form for administrators; times are ISO texts. */
type ApiKey = {
  id: Uuid
  name: string
  roles: string[]
  createdAt: Time
  expiresAt: Time | null
  revokedAt: Time | null
  createdBy: string | null
  /** The only addresses and networks from which the key is accepted; null: from everywhere. */
  addresses: string[] | null
  /** Whether its secret has been shown. */
  issued: boolean
}

type NewApiKey = {
  name: string
  roles: string[]
  expiresAt?: Date
  createdBy?: string
  addresses?: string[] | undefined
  /** Our own if undefined. */
  form?: KeyForm | undefined
}

/** `UUID`: as X-Road's server makes them, since its tools take nothing else. */
export type KeyForm = 'ID_AND_SECRET' | 'UUID'

export type ApiKeys = {
  /** `secret` is the token that the caller sends after `token=`; it cannot be read again. */
  create(q: NewApiKey): Promise<{ id: string; secret: string }>
  /** A secret that opens nothing before `createFirst`: it can be kept first. */
  draw(): string
  /**
   * Makes a drawn secret the first key, with `record` in the same transaction, unless there are keys already.
   * Of processes that ask at once one makes its key. Returns whether the secret is one of the keys now.
   */
  createFirst(
    q: { name: string; roles: string[]; secret: string },
    record: (within: Within) => Promise<unknown>,
  ): Promise<boolean>
  /** Makes a key that is unusable until its maker asks for the secret; returns its id. */
  prepare(q: NewApiKey & { createdBy: string }): Promise<string>
  /** Shows the secret of a prepared key, once, to its maker. Throws `not_found`. */
  issue(id: string, maker: string): Promise<{ id: string; secret: string }>
  /** The key's current roles and its maker; undefined if there is no such key. */
  find(id: string, within?: Within): Promise<{ roles: string[]; createdBy: string | null } | undefined>
  /**
   * Identifies the sender of this Authorization header at this address. Throws `unauthorized` without a
   * reason.
   */
  authenticate(authorization: string | undefined, from?: string | undefined): Promise<Caller>
  /** All keys if there is no page, the oldest first. */
  list(page?: Page): Promise<ApiKey[]>
  /** The number of keys that match a search. */
  count(q: Pick<Page, 'q'>): Promise<number>
  /** Keys that can be used and end between these times, the soonest first. */
  ending(q: { after: string; before: string; limit: number }): Promise<ApiKey[]>
  /** Throws `not_found`. */
  revoke(id: string): Promise<void>
}

const HEADER_FORM = /^X-Road-ApiKey token=([0-9a-f-]{36})\.([A-Za-z0-9_-]{43})$/i
const OWN_FORM = /^([0-9a-f-]{36})\.([A-Za-z0-9_-]{43})$/
const UUID_FORM = /^X-Road-ApiKey token=([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i
const SECRET_BYTES = 32
const NO_DIGEST = Buffer.alloc(32)

export function createApiKeys(q: { database: Database; clock: Clock }): ApiKeys {
  const store = createApiKeyStore(q.database)
  const now = (): string => new Date(q.clock()).toISOString()
  const isValid = (row: ApiKeyRow): boolean =>
    row.issued === 1 && row.revoked_at === null && (row.expires_at === null || row.expires_at > now())
  const rowOf = (
    { name, roles, expiresAt, createdBy, addresses, form }: NewApiKey,
    secret: { id: string; digest: Buffer; issued: number },
  ): ApiKeyRow => {
    if (name === '' || roles.length === 0)
      throw new Fault('invalid_input', { what: say`a key needs a name and roles` })
    return {
      name,
      roles: roles.join(','),
      created_at: now(),
      expires_at: expiresAt?.toISOString() ?? null,
      revoked_at: null,
      created_by: createdBy ?? null,
      addresses: addressesText(addresses),
      form: form === 'UUID' ? form : null,
      ...secret,
    }
  }
  const insert = async (key: NewApiKey, secret: { digest: Buffer; issued: number }): Promise<string> => {
    const id = randomUUID()
    await store.insert(rowOf(key, { id, ...secret }))
    return id
  }
  return {
    create: async (key) => {
      const secret = newSecret(key.form)
      const id = await insert(key, { digest: digestOf(secret), issued: 1 })
      return { id, secret: shownAs(key.form, id, secret) }
    },
    draw: () => shownAs(undefined, randomUUID(), newSecret(undefined)),
    createFirst: async ({ name, roles, secret: shown }, record) => {
      const [, id, secret] = OWN_FORM.exec(shown) ?? []
      if (id === undefined || secret === undefined)
        throw new Fault('invalid_input', { what: 'this is no secret of an API key' })
      return store.insertFirst(rowOf({ name, roles }, { id, digest: digestOf(secret), issued: 1 }), record)
    },
    // The digest of discarded random bytes: no secret matches it.
    prepare: (key) => insert(key, { digest: randomBytes(SECRET_BYTES), issued: 0 }),
    issue: async (id, maker) => {
      const form = (await store.find(id))?.form
      const secret = newSecret(form)
      if (!(await store.issue(id, maker, digestOf(secret))))
        throw new Fault('not_found', { what: say`no key of yours waits here for its secret to be shown` })
      return { id, secret: shownAs(form, id, secret) }
    },
    find: async (id, within) => {
      const row = await (within === undefined ? store : createApiKeyStore({ kysely: within })).find(id)
      if (row === undefined) return undefined
      return { roles: isValid(row) ? row.roles.split(',') : [], createdBy: row.created_by }
    },
    authenticate: async (authorization, from) => {
      const uuid = UUID_FORM.exec(authorization ?? '')?.[1]?.toLowerCase()
      const [, id, secret = uuid] = HEADER_FORM.exec(authorization ?? '') ?? []
      if (secret === undefined) throw new Fault('unauthorized')
      const row = await (id === undefined
        ? store.findByDigest(digestOf(secret))
        : store.find(id.toLowerCase()))
      const matches = timingSafeEqual(digestOf(secret), row?.digest ?? NO_DIGEST)
      if (row === undefined || !matches || !isValid(row) || !isAmong(row.addresses, from))
        throw new Fault('unauthorized')
      return { kind: 'key', id: row.id, name: row.name, roles: row.roles.split(',') }
    },
    list: async (page) => (await store.list(page)).map(keyOf),
    count: (q) => store.count(q),
    ending: async (times) => (await store.ending(times)).map(keyOf),
    revoke: async (id) => {
      if (!(await store.revoke(id, now()))) throw new Fault('not_found')
    },
  }
}

/** Authentication for an API without logins. */
export function keyAuthentication(apiKeys: Pick<ApiKeys, 'authenticate'>) {
  return (
    authorization: string | undefined,
    request: { socket: { remoteAddress?: string | undefined } },
  ): Promise<Caller> => apiKeys.authenticate(authorization, request.socket.remoteAddress)
}

function newSecret(form: string | null | undefined): string {
  return form === 'UUID' ? randomUUID() : randomBytes(SECRET_BYTES).toString('base64url')
}

/** What the caller sends after `token=`. A UUID is a key alone, so its row is found by its digest. */
function shownAs(form: string | null | undefined, id: string, secret: string): string {
  return form === 'UUID' ? secret : `${id}.${secret}`
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
    createdBy: row.created_by,
    addresses: row.addresses?.split(' ') ?? null,
    issued: row.issued === 1,
  }
}
