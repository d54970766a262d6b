/**
 * Reads the records of a log together with signature documents and time-stamps. Checks that each record
 * matches its leaf, and that each document and time-stamp belongs to a record.
 */
import type { LeafFields } from '#core/merkle/leaf-form.ts'
import { say } from '#schemas/said.ts'
import type { OpenedRecord, OpenedRemainder } from '../../../message-log/records/open-record.ts'
import type { StoredRecord } from '../../../message-log/records/store.ts'
import type { StoredTimeStamp } from '../../../message-log/time-stamps/store.ts'
import { checkContent } from './check-content.ts'
import { checkCounts } from './check-counts.ts'
import { checkForm } from './check-form.ts'
import { checkLinks, openOrExplain } from './check-links.ts'
import { createSignatureChecker } from './check-signature.ts'
import { checkTimeStamp, type StampedDocument } from './check-time-stamp.ts'
import { type Cursor, createCursor } from './cursor.ts'
import { inconsistent } from './inconsistent.ts'
import type { ProblemNotes } from './problem-notes.ts'
import type { LogReport, LogSource, StoredLogKey, Trust } from './source.ts'

const DIGEST_BYTES = 64

type TakenRecord = {
  form: LeafFields | undefined
  access: Awaited<ReturnType<typeof openOrExplain>> | undefined
}

type RecordPass = {
  /** Checks one record and counts it in the report. Returns its form and whether it could be opened. */
  take(record: StoredRecord): Promise<TakenRecord>
  /** Id of the last signature document that a time-stamp covered. */
  lastStamped(): number
  /** Reports documents and time-stamps that belong to no record. */
  end(): Promise<void>
  countUnstamped(): Promise<number>
}

/** Starts at record `start`. Documents up to `lastStamped` were covered by time-stamps before. */
export function createRecordPass(
  q: ProblemNotes & {
    source: LogSource
    logKeys: StoredLogKey[]
    trust: Trust
    report: LogReport
    start: number
    lastStamped: number
  },
): RecordPass {
  const { source, logKeys, trust, report, found, check } = q
  const signatures = createSignatureChecker(source)
  const documents = createCursor(source.documents(q.start - 1))
  let { lastStamped } = q
  const timeStamps = createCursor(source.timeStamps(lastStamped))
  // Read a second time instead of kept in memory, because any number of documents may wait for a time-stamp.
  const unstamped = createCursor(source.documents(lastStamped))

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
    // A refused request may have had an invalid signature, so the signature is stored as received and not
    // verified.
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
      if (next.id < idx) found(next.id, inconsistent(say`a signature document that no record has`))
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

  return {
    async take(record) {
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
      return { form, access }
    },
    lastStamped: () => lastStamped,
    async end() {
      const document = await documents.next()
      if (document !== undefined)
        found(document.id, inconsistent(say`a signature document that no record has`))
      const stamp = await timeStamps.next()
      if (stamp !== undefined) found(stamp.idx, inconsistent(say`a time-stamp that no record has`))
    },
    countUnstamped: () => countRest(unstamped),
  }
}

/**
 * The documents before this record that the time-stamp claims to cover. If there are more than it has
 * digests, one too many is returned, so that the check fails.
 */
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
