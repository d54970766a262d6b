/**
 * Rows of the transparency log: its entries, and the roots of complete subtrees, from which every proof is
 * computed.
 */
import { createHash } from 'node:crypto'
import type { Insertable, Kysely } from 'kysely'
import type { LogEntry, LogProof } from '#core/configuration/log-head.ts'
import { foldPeaks } from '#core/merkle/compact-range.ts'
import { leafHash, nodeHash } from '#core/merkle/hash.ts'
import { consistencyProof, inclusionProof, type NodeReader } from '#core/merkle/proofs.ts'
import type { AuditHead } from '#platform/audit-log/create-audit-log.ts'
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import type { RegisterTables } from '../../register/tables.ts'
import { unloggedActs } from './unlogged-acts.ts'

export type LogStore = ReturnType<typeof createLogStore>

const PROOFS_KEPT = 128
const AUDIT_HEADS_AT_ONCE = 500

/** The log within a transaction that holds the register's lock, so that nobody else appends meanwhile. */
export type OpenLog = {
  size(): Promise<number>
  leaf(position: number): Promise<Buffer>
  /** Appends an entry; returns size and root of the tree with it. */
  append(entry: LogEntry): Promise<{ size: number; root: Buffer }>
  /**
   * Appends leaves for the acts since the last call: the audit log's head, and events of contracts, anchors
   * and restorations.
   */
  appendActs(instance: string): Promise<void>
  /** Appends a leaf of which only the hash is known. */
  appendLost(leaf: Buffer): Promise<void>
}

export function openLog(transaction: Kysely<RegisterTables>): OpenLog {
  const nodeAt = nodeReader(transaction)

  async function addLeaf(position: number, leaf: Buffer): Promise<void> {
    let [level, at, hash] = [0, position, leaf]
    for (;;) {
      await transaction.insertInto('log_node').values({ level, position: at, hash }).execute()
      // A right child completes the subtree above it.
      if (at % 2 === 0) return
      hash = nodeHash(await nodeAt(level, at - 1), hash)
      ;[level, at] = [level + 1, (at - 1) / 2]
    }
  }

  async function addEntry(
    { form, content }: LogEntry,
    what: Partial<Pick<Insertable<RegisterTables['log_entry']>, 'kind' | 'reference'>> = {},
  ): Promise<number> {
    const position = await sizeOf(transaction)
    const digest = createHash('sha256').update(content).digest('hex')
    await transaction
      .insertInto('log_content')
      .values({ digest, content })
      .onConflict((conflict) => conflict.column('digest').doNothing())
      .execute()
    await transaction
      .insertInto('log_entry')
      .values({ position, form, content: digest, ...what })
      .execute()
    await addLeaf(position, leafHash(Buffer.from(form)))
    return position + 1
  }

  return {
    size: () => sizeOf(transaction),
    leaf: async (position) => nodeAt(0, position),
    append: async (entry) => {
      const size = await addEntry(entry)
      return { size, root: await rootOf(size, nodeAt) }
    },
    appendActs: async (instance) => {
      for (const { kind, reference, entry } of await unloggedActs(transaction, instance))
        await addEntry(entry, { kind, reference })
    },
    appendLost: async (leaf) => {
      const position = await sizeOf(transaction)
      await transaction.insertInto('log_entry').values({ position, form: null, content: null }).execute()
      await addLeaf(position, leaf)
    },
  }
}

export function createLogStore(database: Database) {
  const tables = tablesOf<RegisterTables>(database)
  const nodeAt = nodeReader(tables)
  /** Cached because nearly all servers ask for the same proof, and a proof never changes. */
  const proofs = new Map<string, Promise<LogProof>>()

  async function makeProof(size: number, from: number): Promise<LogProof> {
    const newest = await tables
      .selectFrom('log_entry')
      .innerJoin('log_content', 'log_content.digest', 'log_entry.content')
      .select(['log_entry.form', 'log_content.content'])
      .where('log_entry.position', '=', size - 1)
      .executeTakeFirst()
    if (newest?.form === undefined || newest.form === null || from > size)
      throw new Fault('not_found', { what: `the log has no proof from ${from} to ${size}` })
    return {
      form: newest.form,
      content: newest.content,
      inclusion: await inclusionProof(size, size - 1, nodeAt),
      consistency: await consistencyProof(from, size, nodeAt),
    }
  }

  return {
    size: () => sizeOf(tables),
    /** Size and root of the tree; undefined while it has no leaf. */
    async head(): Promise<{ size: number; root: Buffer } | undefined> {
      const size = await sizeOf(tables)
      return size === 0 ? undefined : { size, root: await rootOf(size, nodeAt) }
    },
    /** Hashes of at most `limit` leaves from a position on. */
    leaves: async (from: number, limit: number): Promise<Buffer[]> => {
      const rows = await tables
        .selectFrom('log_node')
        .select('hash')
        .where('level', '=', 0)
        .where('position', '>=', from)
        .orderBy('position')
        .limit(limit)
        .execute()
      return rows.map(({ hash }) => hash)
    },
    /**
     * The audit log's heads that this log has recorded, oldest first. Throws `log_inconsistent` at an entry
     * that does not match its leaf.
     */
    auditHeads: async function* (): AsyncGenerator<AuditHead> {
      let after = 0
      for (;;) {
        const rows = await tables
          .selectFrom('log_entry')
          .innerJoin('log_node', (join) =>
            join.onRef('log_node.position', '=', 'log_entry.position').on('log_node.level', '=', 0),
          )
          .select(['log_entry.position', 'log_entry.form', 'log_entry.reference', 'log_node.hash'])
          .where('log_entry.kind', '=', 'audit-log')
          .where('log_entry.reference', '>', after)
          .orderBy('log_entry.reference')
          .limit(AUDIT_HEADS_AT_ONCE)
          .execute()
        if (rows.length === 0) return
        for (const row of rows) {
          if (row.form === null || !leafHash(Buffer.from(row.form)).equals(row.hash))
            throw new Fault('log_inconsistent', { what: `entry ${row.position} is not the leaf there` })
          const { records, digest } = JSON.parse(row.form) as AuditHead
          yield { records, digest }
        }
        after = rows.at(-1)!.reference!
      }
    },
    /** Entries from a position on, for clients that read the whole log. */
    entries: (from: number, limit: number) =>
      tables
        .selectFrom('log_entry')
        .leftJoin('log_content', 'log_content.digest', 'log_entry.content')
        .innerJoin('log_node', (join) =>
          join.onRef('log_node.position', '=', 'log_entry.position').on('log_node.level', '=', 0),
        )
        .select(['log_entry.position', 'log_entry.form', 'log_content.content', 'log_node.hash'])
        .where('log_entry.position', '>=', from)
        .orderBy('log_entry.position')
        .limit(limit)
        .execute(),
    /** The root of the first `size` leaves. */
    rootAt: (size: number): Promise<Buffer> => rootOf(size, nodeAt),
    /** The proof that the tree of `second` leaves begins with that of `first`. */
    consistency: (first: number, second: number): Promise<Buffer[]> =>
      consistencyProof(first, second, nodeAt),
    /** The proof that leaf `index` is in the tree of `size` leaves. */
    inclusion: (size: number, index: number): Promise<Buffer[]> => inclusionProof(size, index, nodeAt),
    /** Roots of complete subtrees of one level, at most `limit` from a position on. */
    nodes: async (level: number, from: number, limit: number): Promise<Buffer[]> => {
      const rows = await tables
        .selectFrom('log_node')
        .select('hash')
        .where('level', '=', level)
        .where('position', '>=', from)
        .where('position', '<', from + limit)
        .orderBy('position')
        .execute()
      return rows.map(({ hash }) => hash)
    },
    /**
     * Where the log has an entry of this kind about the row with this number; undefined before it is logged.
     */
    indexOf: async (kind: 'contract' | 'identity', reference: number): Promise<number | undefined> => {
      const row = await tables
        .selectFrom('log_entry')
        .select('position')
        .where('kind', '=', kind)
        .where('reference', '=', reference)
        .executeTakeFirst()
      return row === undefined ? undefined : Number(row.position)
    },
    /**
     * For the tree of `size` leaves: its newest entry, the proof of inclusion, and the proof of consistency
     * with the tree of `from` leaves. Throws `not_found`.
     */
    proof(size: number, from: number): Promise<LogProof> {
      const key = `${size} ${from}`
      const known = proofs.get(key)
      if (known !== undefined) return known
      const made = makeProof(size, from)
      if (proofs.size >= PROOFS_KEPT) proofs.clear()
      proofs.set(key, made)
      made.catch(() => proofs.delete(key))
      return made
    },
  }
}

/** The number of leaves. */
export async function sizeOf(kysely: Kysely<RegisterTables>): Promise<number> {
  const newest = await kysely
    .selectFrom('log_entry')
    .select('position')
    .orderBy('position', 'desc')
    .limit(1)
    .executeTakeFirst()
  return newest === undefined ? 0 : newest.position + 1
}

function nodeReader(
  kysely: Kysely<RegisterTables>,
): NodeReader & ((level: number, index: number) => Promise<Buffer>) {
  return async (level, index) => {
    const row = await kysely
      .selectFrom('log_node')
      .select('hash')
      .where('level', '=', level)
      .where('position', '=', index)
      .executeTakeFirst()
    if (row === undefined)
      throw new Fault('log_inconsistent', { what: `the transparency log lacks node ${level}/${index}` })
    return row.hash
  }
}

async function rootOf(size: number, nodeAt: NodeReader): Promise<Buffer> {
  const peaks: Buffer[] = []
  let begin = 0
  for (let level = Math.floor(Math.log2(size)); level >= 0; level--) {
    const width = 2 ** level
    if (size - begin < width) continue
    peaks.push(await nodeAt(level, begin / width))
    begin += width
  }
  return foldPeaks(peaks)
}
