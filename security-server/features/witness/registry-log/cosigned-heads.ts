/**
 * What this node knows that this server's witness cosigned of the registry's log, in a file beside the
 * database. Guarantees that a database that was restored from a backup does not make the witness cosign what
 * contradicts a later cosignature: the larger of the two is what counts.
 */
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { parseCheckpoint } from '#core/merkle/checkpoint.ts'
import { createTurn } from '#platform/in-turn.ts'
import { Fault } from '#schemas/fault.ts'
import { durableFiles } from '../../../global-configuration/durable-files.ts'

/** In the directory of the process, and in no backup. */
export const COSIGNED_HEADS_FILE = 'witness-registry-log.json'

export type CosignedHead = { size: number; root: Buffer; note: string; time: string }

export type CosignedHeads = {
  of(origin: string): CosignedHead | undefined
  /** Whether no log was cosigned yet. */
  isEmpty(): boolean
  /** Durable when it resolves; a smaller one changes nothing. */
  raise(origin: string, head: Pick<CosignedHead, 'note' | 'time'>): Promise<void>
}

/** Names of logs, one after the other: a registry seldom takes another one. */
const MOST_ORIGINS = 100

/** Throws `io_error` for a damaged file: without it, an older head would be taken for the newest. */
export async function openCosignedHeads(directory: string): Promise<CosignedHeads> {
  const file = path.join(directory, COSIGNED_HEADS_FILE)
  const heads = await readHeads(file)
  const inTurn = createTurn()
  return {
    of: (origin) => heads.get(origin),
    isEmpty: () => heads.size === 0,
    raise: (origin, { note, time }) =>
      // Two jobs of this node raise it.
      inTurn(async () => {
        const { size, root } = parseCheckpoint(note)
        if (size <= (heads.get(origin)?.size ?? 0)) return
        if (!heads.has(origin) && heads.size >= MOST_ORIGINS)
          throw new Fault('conflict', { what: `${file} knows ${MOST_ORIGINS} logs already` })
        const next = new Map(heads).set(origin, { size, root, note, time })
        const stored = [...next].map(([name, head]) => ({ origin: name, note: head.note, time: head.time }))
        await durableFiles.replace(
          file,
          Buffer.from(`${JSON.stringify({ format: 1, heads: stored }, undefined, 2)}\n`),
        )
        heads.set(origin, { size, root, note, time })
      }),
  }
}

async function readHeads(file: string): Promise<Map<string, CosignedHead>> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return new Map()
    throw new Fault('io_error', { what: file, cause })
  }
  try {
    const { format, heads } = JSON.parse(text) as {
      format: number
      heads: { origin: string; note: string; time: string }[]
    }
    if (format !== 1) throw new Error('format')
    return new Map(
      heads.map(({ origin, note, time }) => {
        const checkpoint = parseCheckpoint(note)
        if (checkpoint.origin !== origin || typeof time !== 'string') throw new Error('origin')
        return [origin, { size: checkpoint.size, root: checkpoint.root, note, time }]
      }),
    )
  } catch (cause) {
    throw new Fault('io_error', { what: `${file} is damaged`, cause })
  }
}
