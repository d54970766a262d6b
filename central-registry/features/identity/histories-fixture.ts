/** For tests only: histories of a register on a database, without a server, with keys of their own. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t, { type Test } from 'tap'
import { readHistory } from '#core/did/read-history.ts'
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import { idText, parseMemberId } from '#schemas/identifiers.ts'
import { OWNER } from '#test/fakes/request-world.ts'
import type { RegisterTables } from '../../register/tables.ts'
import { openRegistryDatabase } from '../../registry.ts'
import { createFactsStore } from './facts-store.ts'
import { createIdentityStore } from './store.ts'
import { createUpdate } from './update.ts'

export const URL = 'https://registry.example'
export const PATH = 'members/GOV/1234'
export const ID = idText(parseMemberId(OWNER))
export const HOUR = 3_600_000
export const iso = (at: number): string => new Date(at).toISOString()

const keys = new Map<string, KeyObject>()
export function entryKey(of: number, at: string, number: number): KeyObject {
  const name = `${of} ${number} ${at}`
  const key = keys.get(name) ?? generateKeyPairSync('ed25519').privateKey
  keys.set(name, key)
  return key
}

/** Which key is the newest, and which are lost. */
export const state = { newest: 1, lost: [] as number[] }
const replaced = {
  newest: async () => state.newest,
  isLost: async (of: number) => state.lost.includes(of),
}

export async function registerMember(database: Database, at: number, name = 'Owner'): Promise<void> {
  const tables = tablesOf<RegisterTables>(database)
  const row = { id: ID, member_class: 'GOV', name, created_at: iso(at) }
  await tables.insertInto('member').values(row).execute()
}

/** A register with an instance, a member and an approved CA, and its histories at `clock.now`. */
export async function begin(database: Database) {
  const tables = tablesOf<RegisterTables>(database)
  const clock = { now: Math.floor(Date.now() / 1000) * 1000 }
  await tables.insertInto('system_parameter').values({ name: 'instance', value: 'DEV' }).execute()
  await tables.insertInto('member_class').values({ code: 'GOV', description: 'agencies' }).execute()
  await registerMember(database, clock.now)
  const store = createIdentityStore(database)
  const node = (url = URL) => {
    const facts = createFactsStore(database)
    const own = { keys: [], services: [] }
    return createUpdate({
      facts,
      store,
      keys: { ...replaced, entryKey: async (...q) => entryKey(...q) },
      own: async () => own,
      url,
      clock: () => clock.now,
    })
  }
  const history = async (at = PATH) => {
    const lines: string[] = []
    for await (const line of store.lines(at)) lines.push(`${line}\n`)
    return readHistory(Buffer.from(lines.join('')))
  }
  const keysOf = async (at = PATH): Promise<number> =>
    ((await history(at)).state['verificationMethod'] as object[]).length
  return { tables, clock, store, node, history, keysOf }
}

/** What is no matter of SQL. */
export const onSqlite = (name: string, act: (database: Database, t: Test) => Promise<void>): void =>
  void t.test(name, async (t) => {
    const folder = mkdtempSync(path.join(tmpdir(), 'concordat-identity-'))
    t.teardown(() => rmSync(folder, { recursive: true }))
    const database = await openRegistryDatabase(`sqlite:${path.join(folder, 'registry.db')}`)
    try {
      await act(database, t)
    } finally {
      await database.close()
    }
  })
