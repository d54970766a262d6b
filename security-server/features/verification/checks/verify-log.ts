/**
 * Verifies a whole log in one pass with constant memory: leaves, contents, signatures, time-stamps, tree and
 * checkpoints. Each problem is reported with the index at which the log is no longer what it was. An invalid
 * log is reported, not thrown.
 */
import { createCompactRange } from '#core/merkle/compact-range.ts'
import { HASH_LENGTH } from '#core/merkle/hash.ts'
import { say } from '#schemas/said.ts'
import type { StoredRecord } from '../../../message-log/records/store.ts'
import { checkEvidenceRecords } from './check-evidence-records.ts'
import { createSearchChecker } from './check-search.ts'
import { createTileChecker } from './check-tiles.ts'
import { createCheckpointPass } from './checkpoint-pass.ts'
import { inconsistent } from './inconsistent.ts'
import { createProblemNotes } from './problem-notes.ts'
import { checkRow, recheckIndex } from './recheck-index.ts'
import { createRecordPass } from './record-pass.ts'
import { createRowDigests } from './row-digests.ts'
import { type LogReport, type LogSource, MAX_PROBLEMS, type Trust } from './source.ts'
import type { VerifyState } from './state.ts'

type VerifyOptions = {
  /** Continues from this state instead of the first record. It must belong to the same question. */
  from?: VerifyState | undefined
  /**
   * Is called with the state every few thousand records and at the end. The run waits for it, so that the
   * state can be stored.
   */
  onState?: (state: VerifyState) => Promise<void> | void
  /** Is called as often, with the number of records that were checked and that the log holds. */
  onProgress?: ((records: number, total: number) => void) | undefined
  question?: string
  /** How many records are checked between two states. */
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
  const { found, check } = createProblemNotes(report)
  const range = createCompactRange({ size: start, peaks: (from?.peaks ?? []).map(fromBase64) })
  const tiles = createTileChecker(source, from?.tiles.map(growingTile))
  const checkpoints = createCheckpointPass(source, trust, logKeys, { records: start, origin: report.origin })

  const records = createRecordPass({
    ...{ source, logKeys, trust, report, start, lastStamped: from?.lastStamped ?? -1 },
    ...{ found, check },
  })

  const index = from === undefined ? [] : await recheckIndex(from, { source, logKeys, found })
  const rows = createRowDigests({ digests: index })
  const search = createSearchChecker({ source, first: start, logKeys, onRow: rows.add })

  const passRecord = async (record: StoredRecord): Promise<void> => {
    const { idx } = record
    const { form, access } = await records.take(record)
    await check(idx, () => checkRow(search, { record, form, access }))
    await check(idx, () => range.append(record.leaf))
    await check(idx, () => tiles.add(record.leaf))
    await checkpoints.reached(range, (thrown) => found(idx, thrown))
  }

  const reportNow = (): LogReport => {
    const { cosignatures, records: witnessed } = checkpoints.witnessed()
    return {
      ...report,
      origin: checkpoints.origin(),
      checkpoints: before.checkpoints + checkpoints.count(),
      cosignatures: before.cosignatures + cosignatures,
      witnessed: Math.max(before.witnessed, witnessed),
    }
  }

  const sayState = async (done: boolean): Promise<void> => {
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
      lastStamped: records.lastStamped(),
      index: source.search === undefined ? [] : rows.of(report.records),
      report: reportNow(),
    })
  }

  if (head.size < start)
    found(head.size, inconsistent(say`the log holds ${head.size} records, but ${start} were verified before`))
  for await (const record of source.records(start)) {
    for (; report.records < record.idx; report.records++) {
      if (report.problems.length >= MAX_PROBLEMS) break
      found(report.records, inconsistent(say`the record is missing`))
    }
    report.records = record.idx + 1
    await passRecord(record)
    if (report.records % stateEvery !== 0) continue
    options.onProgress?.(report.records, head.size)
    await sayState(false)
  }
  const end = report.records
  const peaks = range.peaks
  if (head.size !== range.size || !Buffer.concat(head.peaks).equals(Buffer.concat(peaks))) {
    found(
      Math.min(head.size, end),
      inconsistent(say`the signed state of the log speaks of ${head.size} other records`),
    )
  }
  await check(end, tiles.end)
  await checkpoints.end(end, found)
  report.evidenceRecords = await checkEvidenceRecords({
    ...{ source, origin: checkpoints.origin(), tsaCertificates: trust.tsaCertificates, found },
  })
  await records.end()
  for (const key of logKeys)
    if (key.idx >= end) found(key.idx, inconsistent(say`a log key that no record has`))

  for (const problem of (await source.beyond?.()) ?? []) report.problems.push(problem)
  report.problems.sort((a, b) => a.index - b.index)
  report.ok = report.problems.length === 0
  report.unstamped = await records.countUnstamped()
  await sayState(true)
  return reportNow()
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
