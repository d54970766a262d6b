/**
 * Reads records, their keys and signature documents; reads and writes marks and body files. Nothing here
 * changes a record.
 */
import { databaseTime } from '#platform/database/dialect.ts'
import { type Database, inTransaction, readDurably, tablesOf } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { Time, Whole } from '#schemas/sent-values.ts'
import { applyDelta } from '../formats/document-delta.ts'
import { decodePeaks, GIVEN_UP, type Head } from '../hot-store.ts'
import type { Tables } from '../tables.ts'

/** Whoever stands still for longer than this only looks whether the file is there. */
const GIVEN_UP_MS = 30 * 86_400_000

/** A stored record; `seed` is absent when it was erased. */
export type StoredRecord = {
  idx: Whole
  leaf: Buffer
  form: string
  signatureId: Whole | null
  content: Buffer
  seed: Buffer | undefined
}

/** A record with what its erasures, if any, have done to it. */
export type RecordState = StoredRecord & {
  erased: Time | undefined
  /** Index of the record that documents the erasure. */
  erasureIndex: Whole | undefined
  /** Index of the one that documents the erasure of the proof that the first erasure had kept. */
  proofErasureIndex: Whole | undefined
  /** What is kept of a record whose content ended with its proof kept. */
  remainder: { seed: Buffer; content: Buffer } | undefined
}

export type StoredForm = { idx: Whole; leaf: Buffer; form: string }

export type RecordStore = ReturnType<typeof createRecordStore>

export function createRecordStore(database: Database) {
  const kysely = tablesOf<Tables>(database)

  const select = (first: number) => recordsFrom(kysely, first)
  const document = async (id: number): Promise<{ digest: Buffer; document: Buffer } | undefined> => {
    const row = await kysely
      .selectFrom('signature_document')
      .select(['digest', 'base', 'document'])
      .where('id', '=', id)
      .executeTakeFirst()
    if (row === undefined || row.base === null) return row
    const base = await kysely
      .selectFrom('signature_document')
      .select(['document', 'base'])
      .where('id', '=', row.base)
      .executeTakeFirst()
    if (base === undefined || base.base !== null) {
      throw new Fault('log_inconsistent', { what: `the base of signature document ${id}` })
    }
    return { digest: row.digest, document: applyDelta(base.document, row.document) }
  }

  return {
    ...durableReads(kysely),
    state: (idx: number) => stateOf(kysely, idx),
    /** Records from `idx` on, in order. */
    from: async (idx: number, limit: number): Promise<StoredRecord[]> =>
      (await select(idx).where('record.idx', '>=', idx).limit(limit).execute()).map(toRecord),

    /** One record; throws `not_found`. */
    get: async (idx: number): Promise<StoredRecord> => {
      const row = await select(idx).where('record.idx', '=', idx).executeTakeFirst()
      if (row === undefined) throw new Fault('not_found', { what: say`record ${idx}` })
      return toRecord(row)
    },

    /** Those of these records that there are, in order. */
    some: async (indexes: readonly number[]): Promise<StoredRecord[]> =>
      (
        await select(Math.min(...indexes))
          .where('record.idx', 'in', indexes)
          .execute()
      ).map(toRecord),

    /** Leaves and forms without content, in order. */
    forms: (idx: number, limit: number): Promise<StoredForm[]> =>
      kysely
        .selectFrom('record')
        .select(['idx', 'leaf', 'form'])
        .where('idx', '>=', idx)
        .orderBy('idx')
        .limit(limit)
        .execute(),

    /** Leaf hashes only, in order. */
    leaves: async (idx: number, limit: number): Promise<Buffer[]> => {
      const rows = await kysely
        .selectFrom('record')
        .select(['leaf'])
        .where('idx', '>=', idx)
        .orderBy('idx')
        .limit(limit)
        .execute()
      return rows.map((row) => row.leaf)
    },

    head: async (): Promise<Head> => {
      const row = await kysely
        .selectFrom('tree_head')
        .select(['size', 'peaks'])
        .where('id', '=', 1)
        .executeTakeFirst()
      if (row === undefined) throw new Fault('log_inconsistent', { what: 'the tree head is missing' })
      return { size: row.size, peaks: decodePeaks(row.peaks) }
    },

    /** A complete signature document, with its stored digest. */
    document,

    /** The last existing record, whatever the head says; -1 when there is none. */
    lastIndex: async (): Promise<number> => {
      const row = await kysely
        .selectFrom('record')
        .select('idx')
        .orderBy('idx', 'desc')
        .limit(1)
        .executeTakeFirst()
      return row?.idx ?? -1
    },

    lastDocument: async (): Promise<number> => {
      const row = await kysely
        .selectFrom('signature_document')
        .select('id')
        .orderBy('id', 'desc')
        .limit(1)
        .executeTakeFirst()
      return row?.id ?? -1
    },

    /** Signature documents as they are stored, complete or as a difference, in order. */
    storedDocuments: (
      from: number,
      to: number,
      limit: number,
    ): Promise<{ id: number; base: number | null; document: Buffer }[]> =>
      kysely
        .selectFrom('signature_document')
        .select(['id', 'base', 'document'])
        .where('id', '>=', from)
        .where('id', '<=', to)
        .orderBy('id')
        .limit(limit)
        .execute(),

    /** Ids and digests of signature documents after `id`, in order. */
    documentsAfter: (id: number, limit: number): Promise<{ id: number; digest: Buffer }[]> =>
      kysely
        .selectFrom('signature_document')
        .select(['id', 'digest'])
        .where('id', '>', id)
        .orderBy('id')
        .limit(limit)
        .execute(),

    mark: async (name: string): Promise<number | undefined> => {
      const row = await kysely.selectFrom('mark').select('value').where('name', '=', name).executeTakeFirst()
      return row?.value
    },

    setMark: async (name: string, value: number): Promise<void> => {
      await kysely
        .insertInto('mark')
        .values({ name, value })
        .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
        .execute()
    },

    /** Which of these body files a record refers to. */
    referredBodyFiles: async (names: string[]): Promise<ReadonlySet<string>> => {
      if (names.length === 0) return new Set()
      const rows = await kysely.selectFrom('body_file').select('name').where('name', 'in', names).execute()
      return new Set(rows.map((row) => row.name))
    },

    erasure: (idx: number) =>
      kysely.selectFrom('erasure').selectAll().where('idx', '=', idx).executeTakeFirst(),

    /** The erasure of the proof that the first erasure had kept. */
    proofErasure: (idx: number) =>
      kysely.selectFrom('proof_erasure').selectAll().where('idx', '=', idx).executeTakeFirst(),

    /** What is kept of a record whose content ended with its proof kept. */
    remainder: (idx: number): Promise<{ idx: number; seed: Buffer; content: Buffer } | undefined> =>
      kysely.selectFrom('remainder').selectAll().where('idx', '=', idx).executeTakeFirst(),

    /**
     * Call before they are deleted: from now on the node may forget what it does not find. No crash takes it
     * back.
     */
    beginBodyFiles: async (files: string[], node: string): Promise<void> => {
      if (files.length === 0) return
      // Of a segment all names, also those that are forgotten later.
      const begun = kysely.updateTable('erased_body_file').set({ begun_by: node })
      await begun
        .where(({ or, eb }) => or(files.map((file) => eb('name', '>=', file).and('name', '<', `${file}g`))))
        .execute()
    },

    /** Call when they have been deleted. */
    forgetBodyFiles: async (names: string[]): Promise<void> => {
      if (names.length === 0) return
      await kysely.deleteFrom('body_file').where('name', 'in', names).execute()
      await kysely.deleteFrom('erased_body_file').where('name', 'in', names).execute()
    },

    ...segmentsOfOthers(kysely),
    logKeys: () => kysely.selectFrom('log_key').selectAll().orderBy('idx').execute(),
  }
}

/**
 * One query, which sees one moment: an erasure is a single commit, and nobody is to see half of it. Throws
 * `not_found`.
 */
async function stateOf(kysely: ReturnType<typeof tablesOf<Tables>>, idx: number): Promise<RecordState> {
  const row = await recordsFrom(kysely, idx)
    .leftJoin('erasure', 'erasure.idx', 'record.idx')
    .leftJoin('proof_erasure', 'proof_erasure.idx', 'record.idx')
    .leftJoin('remainder', (join) =>
      join.onRef('remainder.idx', '=', 'record.idx').on('remainder.idx', '=', idx),
    )
    .select(['erasure.time as erased', 'erasure.erasure_idx as erasureIndex'])
    .select('proof_erasure.erasure_idx as proofErasureIndex')
    .select(['remainder.seed as keptSeed', 'remainder.content as keptContent'])
    .where('record.idx', '=', idx)
    .executeTakeFirst()
  if (row === undefined) throw new Fault('not_found', { what: say`record ${idx}` })
  const { keptSeed: seed, keptContent: content } = row
  return {
    ...toRecord(row),
    erased: row.erased ?? undefined,
    erasureIndex: row.erasureIndex ?? undefined,
    proofErasureIndex: row.proofErasureIndex ?? undefined,
    remainder: seed === null || content === null ? undefined : { seed, content },
  }
}

/** What others may have committed and not synced yet decides nothing here. */
function durableReads(kysely: ReturnType<typeof tablesOf<Tables>>) {
  return {
    /** A mark, of what no crash of the database takes back. */
    durableMark: (name: string): Promise<number | undefined> =>
      readDurably(kysely, async (within) => {
        const row = await within
          .selectFrom('mark')
          .select('value')
          .where('name', '=', name)
          .executeTakeFirst()
        return row?.value
      }),

    /**
     * Whether a record refers to a body in this segment, other than records whose body is to be deleted. No
     * crash takes a "no" back.
     */
    isSegmentReferred: (segment: string): Promise<boolean> =>
      readDurably(kysely, (within) => isReferredIn(within, segment)),

    /**
     * Body files of erased records that must still be deleted, in the order of their names. No crash takes
     * these erasures back.
     */
    erasedBodyFiles: (after: string, limit: number): Promise<{ name: string; begunBy: string }[]> =>
      readDurably(kysely, async (within) => {
        const all = within.selectFrom('erased_body_file').select(['name', 'begun_by as begunBy'])
        return all.where('name', '>', after).orderBy('name').limit(limit).execute()
      }),

    /** How many of the first `size` records were erased. */
    erasedBelow: (size: number): Promise<number> =>
      readDurably(kysely, async (within) => {
        const count = within.selectFrom('erasure').select(({ fn }) => fn.countAll().as('erased'))
        return Number((await count.where('idx', '<', size).executeTakeFirstOrThrow()).erased)
      }),

    /**
     * Which of these have neither content nor a kept proof any more: who forgets the rest on the strength of
     * it does so for good.
     */
    leavesAmong: async (indexes: number[]): Promise<number[]> => {
      const among = async (within: typeof kysely): Promise<number[]> => {
        const rows = await within
          .selectFrom('erasure')
          .leftJoin('remainder', 'remainder.idx', 'erasure.idx')
          .select('erasure.idx')
          .where('erasure.idx', 'in', indexes)
          .where('remainder.idx', 'is', null)
          .execute()
        return rows.map(({ idx }) => Number(idx))
      }
      // No crash adds an erasure, so "none" needs no sync; it is what most who ask are told.
      return (await among(kysely)).length === 0 ? [] : readDurably(kysely, among)
    },
  }
}

/** On PostgreSQL. */
function segmentsOfOthers(kysely: ReturnType<typeof tablesOf<Tables>>) {
  return {
    /**
     * Whether no record refers to a segment of another node, nor ever will: no commit goes through any more
     * that refers to it (postgresql/store.ts). Its writer may only have stood still.
     */
    giveUpSegment: async (segment: string): Promise<boolean> => {
      if (await isReferredIn(kysely, segment)) return false
      return inTransaction(kysely, async (within) => {
        // Commits that are under way are waited for, and later ones see what is written here.
        await within.selectFrom('tree_head').select('id').where('id', '=', 1).forUpdate().execute()
        if (await isReferredIn(within, segment)) return false
        const value = await databaseTime(within)
        const givenUp = within.deleteFrom('mark').where('name', 'like', `${GIVEN_UP}%`)
        await givenUp.where('value', '<', value - GIVEN_UP_MS).execute()
        const again = within.insertInto('mark').values({ name: `${GIVEN_UP}${segment}`, value })
        await again.onConflict((conflict) => conflict.column('name').doUpdateSet({ value })).execute()
        return true
      })
    },
  }
}

async function isReferredIn(within: ReturnType<typeof tablesOf<Tables>>, segment: string): Promise<boolean> {
  // Whatever the order of the database's language: a place is the segment's name and digits, which stand
  // before any letter.
  const inIt = within.selectFrom('body_file').select('name').where('name', '>=', segment)
  const erased = within.selectFrom('erased_body_file').select('name')
  const left = inIt.where('name', '<', `${segment}g`).where('name', 'not in', erased)
  return (await left.limit(1).executeTakeFirst()) !== undefined
}

function recordsFrom(kysely: ReturnType<typeof tablesOf<Tables>>, first: number) {
  return kysely
    .selectFrom('record')
    .leftJoin('record_key', (join) =>
      // The bound is repeated here so that, with any query plan, the keys of other partitions are not read.
      join.onRef('record_key.idx', '=', 'record.idx').on('record_key.idx', '>=', first),
    )
    .select([
      'record.idx',
      'record.leaf',
      'record.form',
      'record.signature_id',
      'record.content',
      'record_key.seed',
    ])
    .orderBy('record.idx')
}

function toRecord(row: {
  idx: number
  leaf: Buffer
  form: string
  signature_id: number | null
  content: Buffer
  seed: Buffer | null
}): StoredRecord {
  return {
    idx: row.idx,
    leaf: row.leaf,
    form: row.form,
    signatureId: row.signature_id,
    content: row.content,
    seed: row.seed ?? undefined,
  }
}
