/**
 * Collects what an order asks for: the records in its scope below the seed, the sample that the seed
 * determines, and an evidence bundle of each sampled record. The seed must be a tree head that this log
 * signed. So the sample is drawn from records that were logged before anybody asked.
 */
import type { Readable } from 'node:stream'
import { drawSample } from '#core/audit-order/draw-sample.ts'
import { inScope } from '#core/audit-order/in-scope.ts'
import { readSeed } from '#core/audit-order/make-seed.ts'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import type { Checkpoint } from '#core/merkle/checkpoint.ts'
import { collectBytes } from '#core/transport/collect-bytes.ts'
import { AUDIT_LIMITS, type AuditCoverage, type AuditOrder, type AuditPayload } from '#schemas/audit-order.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import type { FoundRecord } from '#schemas/found-record.ts'
import { say, type Word } from '#schemas/said.ts'
import type { MessageLog } from '../../message-log/message-log.ts'
import type { Clearance } from '../../message-log/record-input.ts'
import { bundleSource } from '../../reading/evidence/bundle-source.ts'
import { collectExchange, writeBundle } from '../../reading/evidence/write-bundle.ts'
import type { LogReads } from '../../reading/log-reads.ts'
import { type RecordReads, readableLog } from '../../reading/readable-log.ts'
import { rowView } from '../../reading/record-filter.ts'

export type CollectRooms = Parameters<typeof bundleSource>[0] & {
  messageLog: RecordReads & Pick<LogReads, 'window'> & Pick<MessageLog, 'maintain' | 'checkpointOf'>
}

/** All bundles of an answer together, because the answer is one document. */
const MAX_BUNDLES_BYTES = 2 * 1024 * 1024
/** What an entry needs besides its bundle: the fields around it, or the reason why there is none. */
const ENTRY_BYTES = 4096

/**
 * Throws `audit_order_refused` for a seed that is no tree head of this log, and for a scope with more records
 * than fit in an answer.
 */
export async function collect(
  q: { order: AuditOrder; sha256: string; seed: string; server: string; clearance: Clearance },
  rooms: CollectRooms,
): Promise<{ payload: AuditPayload; sample: number[] }> {
  const { order, seed, server, clearance } = q
  const { messageLog } = rooms
  const { origin, size, root } = seedOf(seed)
  const own = await messageLog.checkpointOf(size)
  if (origin !== server || own === undefined || !own.root.equals(root))
    throw refused(say`its seed is no signed state of this log`)
  const records: FoundRecord[] = []
  const coverage: AuditCoverage = { inPeriod: 0, unsaid: 0 }
  await messageLog.maintain()
  const { from, to } = order.scope
  for (let next = 0; next < size; ) {
    const filter = { from, to, clearance }
    const found = await messageLog.window({ filter, after: next - 1, size })
    for (const row of found.rows.map(rowView)) take(row, order, { records, coverage })
    if (records.length > AUDIT_LIMITS.matched)
      throw refused(say`more than ${AUDIT_LIMITS.matched} records are in its scope: narrow it`)
    next = found.last + 1
  }
  const indexes = records.map(({ index }) => index)
  const sample = drawSample({ order: q.sha256, server, seed, indexes, count: order.sample })
  const version: AuditPayload['version'] = order.version ?? 1
  const listed = { version, order: q.sha256, server, seed, records, coverage }
  const left =
    AUDIT_LIMITS.payloadBytes - Buffer.byteLength(canonicalJson(listed)) - sample.length * ENTRY_BYTES
  if (left < 0) throw refused(say`the list of what is in its scope is too long for an answer: narrow it`)
  const most = Math.min(MAX_BUNDLES_BYTES, Math.floor((left * 3) / 4))
  const bundles = await bundlesOf(sample, { clearance, most }, rooms)
  return { payload: { ...listed, bundles }, sample }
}

/**
 * Throws `audit_order_refused` for a malformed seed: the refusal is final, because a later try would fail
 * too.
 */
function seedOf(seed: string): Checkpoint {
  try {
    return readSeed(seed)
  } catch (thrown) {
    throw refused(say`its seed is none: ${asFault(thrown).said ?? ''}`)
  }
}

/**
 * Adds a record that is in scope. A record that does not say whether it is in scope is only counted in the
 * coverage.
 */
function take(
  row: FoundRecord,
  { scope }: AuditOrder,
  { records, coverage }: Required<Pick<AuditPayload, 'records' | 'coverage'>>,
): void {
  coverage.inPeriod++
  const its = inScope(row, scope)
  if (its === 'in') records.push(row)
  if (its !== 'unsaid') return
  coverage.unsaid++
  coverage.firstUnsaid ??= row.index
  coverage.lastUnsaid = row.index
}

/**
 * Bundles the sampled records. A record that was erased since, or whose bundle is too large, gets the reason
 * instead.
 */
async function bundlesOf(
  sample: number[],
  { clearance, most }: { clearance: Clearance; most: number },
  rooms: CollectRooms,
): Promise<AuditPayload['bundles']> {
  const log = readableLog(rooms.messageLog, clearance)
  const bundles: AuditPayload['bundles'] = []
  let left = most
  for (const index of sample) {
    try {
      const { indexes } = await collectExchange({ log }, index)
      const bundle = await readAtMost(left, await writeBundle(bundleSource(rooms, log), indexes))
      left -= bundle.length
      bundles.push({ index, bundle: bundle.toString('base64') })
    } catch (thrown) {
      bundles.push({ index, without: asFault(thrown).message.slice(0, 500) })
    }
  }
  return bundles
}

/** Reads a bundle up to `most` bytes: bodies may have gigabytes. Throws `conflict` for a longer one. */
async function readAtMost(most: number, bundle: Readable): Promise<Buffer> {
  const tooLarge = (): Fault =>
    new Fault('conflict', { what: say`the answer has no room for it: ask for it by itself` })
  const { write, bytes } = collectBytes(most, tooLarge)
  // Leaving the loop destroys the stream and the body streams under it.
  for await (const chunk of bundle as AsyncIterable<Buffer>) write(chunk)
  return bytes()
}

function refused(what: Word): Fault {
  return new Fault('audit_order_refused', { what })
}
