/**
 * Who is suspended and what is trusted, kept by each node in a file apart from the database: a register that was put back has
 * forgotten what was taken away since, and this has not. It goes forward only.
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
/** A thousand suspensions with the longest identifiers, and all that anybody trusts. */
const MAX_BYTES = 16 * 1024 * 1024
const MAX_DEPTH = 4

export type Memory = {
  /** Undefined while there is none. Throws `io_error` for a damaged file: without it what was taken away would come back unseen. */
  read(): Promise<Remembered | undefined>
  /** Durably keeps what the database says now; nothing when the file has seen a later register. */
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
        const standing = await readStanding(q.database)
        // Who remembers is no restored register that waits: what cannot be read is written anew.
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
    if (isRemembered(value)) return value
  } catch (cause) {
    throw new Fault('io_error', { what: `${file} is damaged`, cause })
  }
  throw new Fault('io_error', { what: `${file} is damaged` })
}

function isRemembered(value: unknown): value is Remembered {
  const { suspensionList, index, suspended, trust, at, ...more } = (value ?? {}) as Record<string, unknown>
  return (
    Object.keys(more).length === 0 &&
    Number.isSafeInteger(suspensionList) &&
    Number.isSafeInteger(index) &&
    !Number.isNaN(Date.parse(String(at))) &&
    isList(suspended, SUSPENDED_KINDS, 'since') &&
    isList(trust, TRUSTED_KINDS, 'name')
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
