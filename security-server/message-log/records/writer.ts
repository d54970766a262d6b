/** The one place where records enter the log: one group at a time, in one commit. */
import { createCompactRange } from '#core/merkle/compact-range.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { keepCircumstances } from '../circumstances/store.ts'
import type { PackedRecord } from '../formats/group-format.ts'
import type { LogKey } from '../formats/seal.ts'
import type { Head, HotStore, PieceRow, Placement, ReplayKey } from '../hot-store.ts'
import { createDocumentMemory } from './document-memory.ts'
import { type BodyKeeper, keepLargerBodies } from './keep-larger-bodies.ts'
import { createPreparer, type PreparedRecord } from './prepare-record.ts'
import { createRecentRecords, type RecentRecords } from './recent-records.ts'
import type { RecordStore } from './store.ts'

/** The leaf is valid until the next append. */
export type AppendResult = { index: number; leaf: Buffer } | { fault: Fault }

/** A record made by the log itself, with further statements for its commit. */
export type OwnRecord = { packed: PackedRecord; beside?: PreparedRecord['beside'] }

// As many as a busy server logs between two runs of the jobs.
const MAX_RECENT = 16_384
const RECENT_OCTETS = 6 * 1024 * 1024

export type Writer = {
  /** Resolves when the group is durable; throws `logging_failed` when no record of it is acknowledged. */
  append(records: OwnRecord[]): Promise<AppendResult[]>
  /** Open intents of this node: index and leaf. */
  readonly open: Map<number, Buffer>
  /** The newest records of this node, so that jobs need not read and decrypt them again. */
  readonly recent: RecentRecords
  /** The first signature document without a time-stamp: its id and the time of its record. */
  unstamped: { id: number; time: number } | undefined
  /** The size of the tree after the last commit of this node. */
  readonly size: number
}

export function createWriter(q: {
  store: HotStore
  records: RecordStore
  logKey: () => LogKey
  bodies: BodyKeeper
}): Writer {
  const documents = createDocumentMemory()
  const prepare = createPreparer()
  const open = new Map<number, Buffer>()
  const recent = createRecentRecords(MAX_RECENT, RECENT_OCTETS)
  let size = 0

  const storedLeaf = async (index: number): Promise<Buffer> => {
    const [row] = await q.records.forms(index, 1)
    if (row?.idx !== index) throw new Fault('not_found', { what: `record ${index}, which is to be answered` })
    return row.leaf
  }

  const writer: Writer = {
    open,
    recent,
    unstamped: undefined,
    get size() {
      return size
    },
    append: async (own) => {
      const results: AppendResult[] = []
      const kept = await keepLargerBodies(
        own.map(({ packed }) => packed),
        q.store,
        q.bodies,
      )
      const valid: { position: number; packed: PackedRecord; answered: Buffer | undefined }[] = []
      for (let position = 0; position < own.length; position++) {
        const packed = kept.records[position]!
        if (packed instanceof Fault) {
          results[position] = { fault: packed }
          continue
        }
        const { answers } = packed.head
        try {
          const answered =
            answers === undefined ? undefined : (open.get(answers) ?? (await storedLeaf(answers)))
          valid.push({ position, packed, answered })
        } catch (thrown) {
          results[position] = { fault: asFault(thrown) }
        }
      }
      const prepared = prepare(valid, q.logKey())
      const group = valid.map(({ position }, i) => ({
        position,
        record: { ...prepared[i]!, beside: own[position]!.beside },
      }))
      await commit(group, results, kept)
      return results
    },
  }

  const commit = async (
    group: { position: number; record: PreparedRecord }[],
    results: AppendResult[],
    bodies: { pieces: PieceRow[]; check(): void; undo(): void },
  ) => {
    let plan = documents.plan()
    const replayKeys = group.flatMap(({ position, record }): ReplayKey[] =>
      record.replayKey === undefined ? [] : [{ position, key: record.replayKey, time: record.head.time }],
    )
    let placed: { record: PreparedRecord; idx: number }[] = []
    await q.store.commit({
      replayKeys,
      pieces: bodies.pieces,
      undone: bodies.undo,
      place: (head, taken) => {
        bodies.check()
        placed = []
        plan = documents.plan()
        for (const { position, record } of group) {
          if (taken.has(position)) {
            results[position] = { fault: new Fault('replayed_request') }
            continue
          }
          const idx = head.size + placed.length
          placed.push({ record, idx })
          results[position] = { index: idx, leaf: record.leaf }
        }
        return placementOf(head, placed, plan)
      },
    })
    plan.committed()
    for (const { record, idx } of placed) note(record, idx)
    const first = plan.rows[0]
    if (first !== undefined && writer.unstamped === undefined) {
      const { record } = placed.find(({ idx }) => idx === first.id)!
      writer.unstamped = { id: first.id, time: record.head.time }
    }
  }

  const note = (record: PreparedRecord, idx: number): void => {
    size = idx + 1
    recent.add(idx, record)
    if (record.head.kind === 'request') open.set(idx, Buffer.from(record.leaf))
    if (record.head.answers !== undefined) open.delete(record.head.answers)
  }
  return writer
}

function placementOf(
  head: Head,
  placed: { record: PreparedRecord; idx: number }[],
  plan: ReturnType<ReturnType<typeof createDocumentMemory>['plan']>,
): Placement {
  const range = createCompactRange(head)
  const records = placed.map(({ record, idx }) => {
    // A copy: it may remain a peak of the tree when the memory of the group is reused.
    range.append(Buffer.from(record.leaf))
    const { leaf, form, content, seed, signature } = record
    return {
      idx,
      leaf,
      form,
      content,
      seed,
      signatureId: signature === undefined ? null : plan.idOf(signature, idx),
    }
  })
  // Several records of a group may bring the same document, until the first of them is durable.
  const held = new Map(
    placed.flatMap(({ record: { circumstances } }) =>
      circumstances === undefined ? [] : [[circumstances.toString('latin1'), circumstances]],
    ),
  )
  return {
    head: { size: range.size, peaks: range.peaks },
    records,
    documents: plan.rows,
    bodyFiles: placed.flatMap(({ record, idx }) => {
      const { logLevel, body } = record.head
      return logLevel !== 'full' || body?.name === undefined
        ? []
        : [{ name: body.name, size: body.size, idx }]
    }),
    statements: [
      ...[...held.values()].map(keepCircumstances),
      ...placed.flatMap(({ record, idx }) => record.beside?.(idx) ?? []),
    ],
  }
}
