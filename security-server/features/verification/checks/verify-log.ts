/**
 * Verifies a whole log in one pass with flat memory: leaves, contents, signatures, time-stamps, tree, checkpoints. What is
 * found is named by the index at which the log stops being what it was; nothing is thrown for a bad log.
 */
import { createCompactRange } from '#core/merkle/compact-range.ts'
import { HASH_LENGTH } from '#core/merkle/hash.ts'
import type { LeafFields } from '#core/merkle/leaf-form.ts'
import { asFault } from '#schemas/fault.ts'
import type { OpenedRecord, OpenedRemainder } from '../../../message-log/open-record.ts'
import type { StoredRecord } from '../../../message-log/records/store.ts'
import type { StoredTimeStamp } from '../../../message-log/time-stamps/store.ts'
import { checkContent } from './check-content.ts'
import { checkCounts } from './check-counts.ts'
import { checkEvidenceRecords } from './check-evidence-records.ts'
import { checkForm } from './check-form.ts'
import { checkLinks, openOrExplain } from './check-links.ts'
import { createSearchChecker } from './check-search.ts'
import { createSignatureChecker } from './check-signature.ts'
import { createTileChecker } from './check-tiles.ts'
import { checkTimeStamp, type StampedDocument } from './check-time-stamp.ts'
import { createCheckpointPass } from './checkpoint-pass.ts'
import { type Cursor, createCursor } from './cursor.ts'
import { inconsistent } from './inconsistent.ts'
import { checkRow, recheckIndex } from './recheck-index.ts'
import { createRowDigests } from './row-digests.ts'
import { type LogReport, type LogSource, MAX_PROBLEMS, type Trust } from './source.ts'
import type { VerifyState } from './state.ts'

const DIGEST_BYTES = 64

type VerifyOptions = {
  /** Goes on from here instead of the first record; a state of the same question. */
  from?: VerifyState | undefined
  /** Hears every few thousand records where the run has come to, and at the end; awaited, so that it can be kept. */
  onState?: (state: VerifyState) => Promise<void> | void
  question?: string
  /** Records between two states. */
  stateEvery?: number
}

const STATE_EVERY = 2000

export async function verifyLog(
  source: LogSource,
  trust: Trust = {},
  options: VerifyOptions = {},
): Promise<LogReport> {
  const { from, onState, question = '', stateEvery = STATE_EVERY } = options
  const report: LogReport =
    from === undefined ? emptyReport() : { ...from.report, problems: [...from.report.problems] }
  const { records: start } = report
  const before = {
    checkpoints: report.checkpoints,
    cosignatures: report.cosignatures,
    witnessed: report.witnessed,
  }
  const logKeys = await source.logKeys()
  const head = await source.head()
  const range = createCompactRange({ size: start, peaks: (from?.peaks ?? []).map(fromBase64) })
  const tiles = createTileChecker(source, from?.tiles.map(growingTile))
  const signatures = createSignatureChecker(source)
  const checkpoints = createCheckpointPass(source, trust, logKeys, { records: start, origin: report.origin })
  const documents = createCursor(source.documents(start - 1))
  let lastStamped = from?.lastStamped ?? -1
  const timeStamps = createCursor(source.timeStamps(lastStamped))
  // Read a second time rather than kept: a log may hold any number of documents that wait for their stamp.
  const unstamped = createCursor(source.documents(lastStamped))

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

  const index = from === undefined ? [] : await recheckIndex(from, { source, logKeys, found })
  const rows = createRowDigests({ digests: index })
  const search = createSearchChecker({ source, first: start, logKeys, onRow: rows.add })

  const passRecord = async (record: StoredRecord): Promise<void> => {
    const { idx } = record
    const form = await check(idx, () => checkForm(record))
    const access = await check(idx, () => openOrExplain(record, source, logKeys))
    const opened = access?.state === 'open' ? access.opened : undefined
    if (access?.state === 'erased') report.erased++
    const rest = access?.state === 'erased' ? access.rest : undefined
    if (rest !== undefined) report.proofsKept++
    if (access?.state === 'sealed') report.sealed++
    if (form !== undefined) {
      await check(idx, () => checkLinks({ record, form, opened: opened ?? rest, source, logKeys }))
      if (form.kind === 'time-stamp') await check(idx, () => passTimeStamp(record, form, opened))
      else await check(idx, () => passMessage(record, form, opened ?? rest))
      if (form.kind === 'daily-counts') await check(idx, () => checkCounts({ idx, opened, source }))
    }
    await check(idx, () => checkRow(search, { record, form, access }))
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
    const digests =
      opened === undefined ? undefined : await checkContent({ idx: record.idx, form, opened, source })
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
    lastStamped = Math.max(lastStamped, stamp?.last_id ?? -1)
    const { tsaCertificates } = trust
    await checkTimeStamp({ stamp, record, form, opened, covered, source, tsaCertificates })
  }

  const sayState = async (done: boolean): Promise<void> => {
    const { cosignatures, records: witnessed } = checkpoints.witnessed()
    await onState?.({
      version: 1,
      question,
      done,
      records: report.records,
      peaks: range.peaks.map((peak) => peak.toString('base64')),
      tiles: tiles.growing().map(({ number, hashes }) => ({
        number,
        hashes: Buffer.concat(hashes).toString('base64'),
      })),
      lastStamped,
      index: source.search === undefined ? [] : rows.of(report.records),
      report: {
        ...report,
        origin: checkpoints.origin(),
        checkpoints: before.checkpoints + checkpoints.count(),
        cosignatures: before.cosignatures + cosignatures,
        witnessed: Math.max(before.witnessed, witnessed),
      },
    })
  }

  if (head.size < start)
    found(head.size, inconsistent(`the log holds ${head.size} records, but ${start} were verified before`))
  for await (const record of source.records(start)) {
    for (; report.records < record.idx; report.records++) {
      if (report.problems.length >= MAX_PROBLEMS) break
      found(report.records, inconsistent('the record is missing'))
    }
    report.records = record.idx + 1
    await passRecord(record)
    if (report.records % stateEvery === 0) await sayState(false)
  }
  const end = report.records
  const peaks = range.peaks
  if (head.size !== range.size || !Buffer.concat(head.peaks).equals(Buffer.concat(peaks))) {
    found(Math.min(head.size, end), inconsistent(`the tree head speaks of ${head.size} other records`))
  }
  await check(end, tiles.end)
  await checkpoints.end(end, found)
  report.evidenceRecords = await checkEvidenceRecords({
    ...{ source, origin: checkpoints.origin(), tsaCertificates: trust.tsaCertificates, found },
  })
  const document = await documents.next()
  if (document !== undefined) found(document.id, inconsistent('a signature document that no record has'))
  const stamp = await timeStamps.next()
  if (stamp !== undefined) found(stamp.idx, inconsistent('a time-stamp that no record has'))
  for (const key of logKeys) if (key.idx >= end) found(key.idx, inconsistent('a log key that no record has'))

  for (const problem of (await source.beyond?.()) ?? []) report.problems.push(problem)
  report.problems.sort((a, b) => a.index - b.index)
  report.ok = report.problems.length === 0
  report.unstamped = await countRest(unstamped)
  const { cosignatures, records: witnessed } = checkpoints.witnessed()
  await sayState(true)
  return {
    ...report,
    origin: checkpoints.origin(),
    checkpoints: before.checkpoints + checkpoints.count(),
    cosignatures: before.cosignatures + cosignatures,
    witnessed: Math.max(before.witnessed, witnessed),
  }
}

function fromBase64(text: string): Buffer {
  return Buffer.from(text, 'base64')
}

function growingTile({ number, hashes }: VerifyState['tiles'][number]): { number: number; hashes: Buffer[] } {
  const bytes = fromBase64(hashes)
  const count = bytes.length / HASH_LENGTH
  return {
    number,
    hashes: Array.from({ length: count }, (_, i) => bytes.subarray(i * HASH_LENGTH, (i + 1) * HASH_LENGTH)),
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
    cosignatures: 0,
    witnessed: 0,
    erased: 0,
    sealed: 0,
    proofsKept: 0,
    evidenceRecords: 0,
    unstamped: 0,
    problems: [],
  }
}
