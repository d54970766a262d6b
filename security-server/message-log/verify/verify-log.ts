/**
 * Verifies a whole log in one pass with flat memory: leaves, contents, signatures, time-stamps, tree, checkpoints. What is
 * found is named by the index at which the log stops being what it was; nothing is thrown for a bad log.
 */
import { createCompactRange } from '#core/merkle/compact-range.ts'
import type { LeafFields } from '#core/merkle/leaf-form.ts'
import { asFault } from '#schemas/fault.ts'
import type { OpenedRecord, OpenedRemainder } from '../open-record.ts'
import type { StoredRecord } from '../records/store.ts'
import type { StoredTimeStamp } from '../time-stamps/store.ts'
import { checkContent } from './check-content.ts'
import { checkForm } from './check-form.ts'
import { checkLinks, openOrExplain } from './check-links.ts'
import { createSignatureChecker } from './check-signature.ts'
import { createTileChecker } from './check-tiles.ts'
import { checkTimeStamp, type StampedDocument } from './check-time-stamp.ts'
import { createCheckpointPass } from './checkpoint-pass.ts'
import { type Cursor, createCursor } from './cursor.ts'
import { inconsistent } from './inconsistent.ts'
import { type LogReport, type LogSource, MAX_PROBLEMS, type Trust } from './source.ts'

const DIGEST_BYTES = 64

/** `onProgress` hears of every thousandth record. */
export async function verifyLog(
  source: LogSource,
  trust: Trust = {},
  onProgress?: (records: number) => void,
): Promise<LogReport> {
  const report = emptyReport()
  const logKeys = await source.logKeys()
  const head = await source.head()
  const range = createCompactRange()
  const tiles = createTileChecker(source)
  const signatures = createSignatureChecker(source)
  const checkpoints = createCheckpointPass(source, trust, logKeys)
  const documents = createCursor(source.documents())
  const timeStamps = createCursor(source.timeStamps())
  // Read a second time rather than kept: a log may hold any number of documents that wait for their stamp.
  const unstamped = createCursor(source.documents())

  const found = (index: number, thrown: unknown): void => {
    if (report.problems.length >= MAX_PROBLEMS) return
    const { code, what } = asFault(thrown)
    report.problems.push({
      index,
      what: code === 'log_inconsistent' ? (what ?? code) : `${code}: ${what ?? ''}`,
    })
  }
  const check = async <T>(index: number, act: () => Promise<T> | T): Promise<T | undefined> => {
    try {
      return await act()
    } catch (thrown) {
      found(index, thrown)
      return undefined
    }
  }

  const passRecord = async (record: StoredRecord): Promise<void> => {
    const { idx } = record
    const form = await check(idx, () => checkForm(record))
    const access = await check(idx, () => openOrExplain(record, source, logKeys, head.size))
    const opened = access?.state === 'open' ? access.opened : undefined
    if (access?.state === 'erased') report.erased++
    const rest = access?.state === 'erased' ? access.rest : undefined
    if (rest !== undefined) report.proofsKept++
    if (access?.state === 'sealed') report.sealed++
    if (form !== undefined) {
      await check(idx, () => checkLinks({ record, form, opened: opened ?? rest, source, logKeys }))
      if (form.kind === 'time-stamp') await check(idx, () => passTimeStamp(record, form, opened))
      else await check(idx, () => passMessage(record, form, opened ?? rest))
    }
    await check(idx, () => range.append(record.leaf))
    await check(idx, () => tiles.add(record.leaf))
    await checkpoints.reached(range, (thrown) => found(idx, thrown))
  }

  const passMessage = async (
    record: StoredRecord,
    form: LeafFields,
    opened: OpenedRecord | OpenedRemainder | undefined,
  ): Promise<void> => {
    if (record.signatureId === record.idx) await passDocument(record.idx)
    const digests = opened === undefined ? undefined : await checkContent(form, opened, source)
    const document = await signatures.document(record, form)
    if (document === undefined) return
    report.signatures++
    // What was refused may have been refused for its signature: it is evidence as it came.
    if (form.kind === 'refusal') return
    const content =
      opened === undefined || digests === undefined ? undefined : { sections: opened.sections, digests }
    await signatures.verify({ record, document, content })
  }
  const passDocument = async (idx: number): Promise<void> => {
    for (
      let next = await documents.peek();
      next !== undefined && next.id <= idx;
      next = await documents.peek()
    ) {
      await documents.next()
      if (next.id < idx) found(next.id, inconsistent('a signature document that no record has'))
    }
  }
  const passTimeStamp = async (
    record: StoredRecord,
    form: LeafFields,
    opened: OpenedRecord | undefined,
  ): Promise<void> => {
    const stamp = await timeStamps.next()
    report.timeStamps++
    const covered = stamp === undefined ? [] : await takeCovered(unstamped, stamp, record.idx)
    const { tsaCertificates } = trust
    await checkTimeStamp({ stamp, record, form, opened, covered, source, tsaCertificates })
  }

  for await (const record of source.records()) {
    for (; report.records < record.idx; report.records++) {
      if (report.problems.length >= MAX_PROBLEMS) break
      found(report.records, inconsistent('the record is missing'))
    }
    report.records = record.idx + 1
    await passRecord(record)
    if (report.records % 1000 === 0) onProgress?.(report.records)
  }
  const end = report.records
  const peaks = range.peaks
  if (head.size !== range.size || !Buffer.concat(head.peaks).equals(Buffer.concat(peaks))) {
    found(Math.min(head.size, end), inconsistent(`the tree head speaks of ${head.size} other records`))
  }
  await check(end, tiles.end)
  await checkpoints.end(end, found)
  const document = await documents.next()
  if (document !== undefined) found(document.id, inconsistent('a signature document that no record has'))
  const stamp = await timeStamps.next()
  if (stamp !== undefined) found(stamp.idx, inconsistent('a time-stamp that no record has'))
  for (const key of logKeys) if (key.idx >= end) found(key.idx, inconsistent('a log key that no record has'))

  for (const problem of (await source.beyond?.()) ?? []) report.problems.push(problem)
  report.problems.sort((a, b) => a.index - b.index)
  return {
    ...report,
    ok: report.problems.length === 0,
    origin: checkpoints.origin(),
    checkpoints: checkpoints.count(),
    unstamped: await countRest(unstamped),
  }
}

/** Documents before this record that the stamp says it covers; one more than it has digests when it does not fit. */
async function takeCovered(
  documents: Cursor<StampedDocument>,
  stamp: StoredTimeStamp,
  idx: number,
): Promise<StampedDocument[]> {
  const most = stamp.digests.length / DIGEST_BYTES + 1
  const last = Math.min(stamp.last_id, idx - 1)
  const covered: StampedDocument[] = []
  for (
    let next = await documents.peek();
    next !== undefined && next.id <= last;
    next = await documents.peek()
  ) {
    await documents.next()
    if (covered.length < most) covered.push(next)
  }
  return covered
}

async function countRest(documents: Cursor<unknown>): Promise<number> {
  let count = 0
  while ((await documents.next()) !== undefined) count++
  return count
}

function emptyReport(): LogReport {
  return {
    ok: false,
    origin: undefined,
    records: 0,
    signatures: 0,
    timeStamps: 0,
    checkpoints: 0,
    erased: 0,
    sealed: 0,
    proofsKept: 0,
    unstamped: 0,
    problems: [],
  }
}
