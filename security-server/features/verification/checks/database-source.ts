/** Our own database as a source for the verifier, read page by page. */

import { readBodyFile } from '../../../message-log/bodies/body-file.ts'
import { type BodyReader, bodyReader } from '../../../message-log/bodies.ts'
import type { StoredCosignature } from '../../../message-log/cosignatures/store.ts'
import type { KeyFinder } from '../../../message-log/records/open-record.ts'
import type { IndexedLog } from '../../../reading/indexed-log.ts'
import type { LogSource, Problem } from './source.ts'

const RECORDS = 200
const ROWS = 1000
const STAMPS = 4

/** A log that may be written to meanwhile has to be given as a snapshot (`openLogSnapshot`). */
export async function databaseSource(
  log: IndexedLog,
  findKey: KeyFinder,
  bodyFolder?: string,
): Promise<LogSource> {
  const { records, tree, timeStamps } = log
  const end = (await records.mark('search')) ?? 0
  const head = await records.head()
  const source: LogSource = {
    records: (first = 0) =>
      paged(
        (last) => records.from(last + 1, RECORDS),
        (row) => row.idx,
        (row) => row.idx < head.size,
        first - 1,
      ),
    documents: (after = -1) =>
      paged(
        (last) => records.documentsAfter(last, ROWS),
        (row) => row.id,
        (row) => row.id < head.size,
        after,
      ),
    timeStamps: (after = -1) =>
      paged(
        (last) => timeStamps.after(last, STAMPS),
        (row) => row.last_id,
        (row) => row.idx < head.size,
        after,
      ),
    checkpoints: (after = -1) =>
      paged(
        (last) => tree.checkpointsAfter(last, ROWS),
        (row) => row.size,
        (row) => row.size <= head.size,
        after,
      ),
    cosignatures: (after = -1) => cosignaturesAfter(log, after, head.size),
    evidenceRecords: () =>
      paged(
        (last) => log.evidenceRecords.after(last, STAMPS),
        (row) => row.size,
        (row) => row.size <= head.size,
        -1,
      ),
    document: records.document,
    form: async (idx) => {
      const [row] = await records.forms(idx, 1)
      return row?.idx === idx ? row : undefined
    },
    erasure: records.erasure,
    proofErasure: records.proofErasure,
    remainder: records.remainder,
    dailyCounts: (index) => log.dailyCounts.get({ index, clearance: 2 }),
    circumstances: log.circumstances.document,
    search: {
      end,
      actorsFrom: (await records.mark('actors')) ?? 0,
      rows: (after) =>
        paged(
          async (last) =>
            (await log.terms.withTerms(await log.search.after(last, ROWS))).map((row) => ({
              ...row,
              idx: Number(row.idx),
            })),
          (row) => row.idx,
          (row) => row.idx < end,
          after,
        ),
      terms: log.terms.read,
    },
    logKeys: records.logKeys,
    head: async () => head,
    beyond: () => beyondHead(log, head.size),
    tile: tree.tile,
    findKey,
  }
  const bodies = bodyReader(log.database, bodyFolder)
  source.openBody = ({ name, dataKey }) =>
    bodies.reaches(name) ? readLocated(bodies, name, dataKey) : undefined
  return source
}

async function* readLocated(
  bodies: Pick<BodyReader, 'open'>,
  name: string,
  dataKey: Buffer,
): AsyncGenerator<Buffer> {
  yield* readBodyFile(await bodies.open(name), dataKey)
}

/** Rows that belong to a longer log than the tree head states. */
async function beyondHead(log: IndexedLog, size: number): Promise<Problem[]> {
  const ends = {
    'a record': await log.records.lastIndex(),
    'a signature document': await log.records.lastDocument(),
    'a time-stamp': await log.timeStamps.lastRecord(),
    'a checkpoint': ((await log.tree.newestCheckpoint())?.size ?? 0) - 1,
  }
  return Object.entries(ends).flatMap(([what, index]) =>
    index < size ? [] : [{ index: size, what: `the log ends here, but there is ${what} of a longer one` }],
  )
}

/** Several cosignatures have one size, so the position of a page is a size and a witness. */
async function* cosignaturesAfter(
  { cosignatures }: IndexedLog,
  after: number,
  size: number,
): AsyncGenerator<StoredCosignature> {
  let last = { size: after, witness: '\uffff' }
  for (;;) {
    const rows = await cosignatures.after(last, ROWS)
    for (const row of rows) {
      if (row.size > size) return
      yield row
    }
    if (rows.length < ROWS) return
    last = rows.at(-1)!
  }
}

async function* paged<T>(
  page: (last: number) => Promise<T[]>,
  keyOf: (row: T) => number,
  isWithin: (row: T) => boolean,
  after: number,
): AsyncGenerator<T> {
  for (let last = after; ; ) {
    const rows = await page(last)
    if (rows.length === 0) return
    for (const row of rows) {
      if (!isWithin(row)) return
      yield row
    }
    last = keyOf(rows.at(-1) as T)
  }
}
