/**
 * Each node stores who is suspended and what is trusted in a file apart from the database. A restored
 * register does not know what was taken away after its backup, but this file does. It is never replaced by an
 * older state.
 */
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import type { Clock } from '#platform/clock.ts'
import type { Database } from '#platform/database/open-database.ts'
import { createTurn } from '#platform/in-turn.ts'
import { Fault } from '#schemas/fault.ts'
import { SUSPENDED_KINDS } from '#schemas/global-configuration.ts'
import { writeDurably } from '../../configuration/durable-file.ts'
import { readStanding } from './standing-store.ts'
import { type Remembered, TRUSTED_KINDS } from './taken-away.ts'

const MEMORY = 'suspended-and-trusted'
/** Enough for a thousand suspensions with the longest identifiers, and for everything that is trusted. */
const MAX_BYTES = 16 * 1024 * 1024
const MAX_DEPTH = 4

export type Memory = {
  /**
   * Undefined when there is no file. Throws `io_error` for a damaged file, because without it nobody would
   * notice what a restoration brings back.
   */
  read(): Promise<Remembered | undefined>
  /** Durably stores what the database has now. Does nothing when the file is from a later register. */
  remember(): Promise<void>
}

export function openMemory(q: {
  database: Pick<Database, 'kysely'>
  directory: string
  clock: Clock
}): Memory {
  const file = path.join(q.directory, MEMORY)
  const inTurn = createTurn()
  return {
    read: () => readMemory(file),
    remember: () =>
      inTurn(async () => {
        const standing = await readStanding(q.database, new Date(q.clock()))
        // A node that calls this does not wait for an acceptance, so an unreadable file is simply replaced.
        const last = await readMemory(file).catch(() => undefined)
        if (
          last !== undefined &&
          (standing.suspensionList < last.suspensionList || standing.index < last.index)
        )
          return
        await writeDurably(file, canonicalJson({ ...standing, at: new Date(q.clock()).toISOString() }))
      }),
  }
}

async function readMemory(file: string): Promise<Remembered | undefined> {
  const bytes = await readFile(file).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return undefined
    throw new Fault('io_error', { what: file, cause })
  })
  if (bytes === undefined) return undefined
  try {
    const value = parseStrictJson(bytes, { maxLength: MAX_BYTES, maxDepth: MAX_DEPTH })
    if (isRemembered(value)) return { ...value, signingKeys: value.signingKeys ?? [] }
  } catch (cause) {
    throw new Fault('io_error', { what: `${file} is damaged`, cause })
  }
  throw new Fault('io_error', { what: `${file} is damaged` })
}

/** A file of an earlier version has no signing keys. */
type InFile = Omit<Remembered, 'signingKeys'> & Partial<Pick<Remembered, 'signingKeys'>>

function isRemembered(value: unknown): value is InFile {
  const { suspensionList, index, suspended, trust, signingKeys, at, ...more } = (value ?? {}) as Record<
    string,
    unknown
  >
  return (
    Object.keys(more).length === 0 &&
    Number.isSafeInteger(suspensionList) &&
    Number.isSafeInteger(index) &&
    !Number.isNaN(Date.parse(String(at))) &&
    isList(suspended, SUSPENDED_KINDS, 'since') &&
    isList(trust, TRUSTED_KINDS, 'name') &&
    (signingKeys === undefined || (Array.isArray(signingKeys) && signingKeys.every(isSigningKey)))
  )
}

function isSigningKey(value: unknown): boolean {
  const { id, certificate, signs, createdAt, ...times } = (value ?? {}) as Record<string, unknown>
  return (
    [id, certificate, createdAt].every((one) => typeof one === 'string') &&
    typeof signs === 'boolean' &&
    [times['knownAt'], times['activatedAt']].every((one) => one === null || typeof one === 'string')
  )
}

function isList(value: unknown, kinds: readonly string[], third: string): boolean {
  return (
    Array.isArray(value) &&
    value.every((one: Record<string, unknown> | null) => {
      const { kind, id, [third]: more } = one ?? {}
      return kinds.includes(String(kind)) && typeof id === 'string' && typeof more === 'string'
    })
  )
}
