/**
 * What an order asks for: the records in scope below its seed, the sample that the seed draws of them, and the evidence bundle of
 * each. The seed has to be a tree head that this very log signed, so that the sample is of what stood there before anybody asked.
 */
import type { Readable } from 'node:stream'
import { drawSample } from '#core/audit-order/draw-sample.ts'
import { inScope } from '#core/audit-order/in-scope.ts'
import { readSeed } from '#core/audit-order/make-seed.ts'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import type { Checkpoint } from '#core/merkle/checkpoint.ts'
import { AUDIT_LIMITS, type AuditCoverage, type AuditOrder, type AuditPayload } from '#schemas/audit-order.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import type { FoundRecord } from '#schemas/found-record.ts'
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

/** Of all bundles together: the answer is one document. */
const MAX_BUNDLES_BYTES = 2 * 1024 * 1024
/** What stands around a bundle, or in its place why there is none. */
const ENTRY_BYTES = 4096

/** Throws `audit_order_refused` for a seed that is not ours, and for a scope that holds more than an answer has room for. */
export async function collect(
  q: { order: AuditOrder; sha256: string; seed: string; server: string; clearance: Clearance },
  rooms: CollectRooms,
): Promise<{ payload: AuditPayload; sample: number[] }> {
  const { order, seed, server, clearance } = q
  const { messageLog } = rooms
  const { origin, size, root } = seedOf(seed)
  const own = await messageLog.checkpointOf(size)
  if (origin !== server || own === undefined || !own.root.equals(root))
    throw refused('its seed is no tree head of this log')
  const records: FoundRecord[] = []
  const coverage: AuditCoverage = { inPeriod: 0, unsaid: 0 }
  await messageLog.maintain()
  const { from, to } = order.scope
  for (let next = 0; next < size; ) {
    const filter = { from, to, clearance }
    const found = await messageLog.window({ filter, after: next - 1, size })
    for (const row of found.rows.map(rowView)) take(row, order, { records, coverage })
    if (records.length > AUDIT_LIMITS.matched)
      throw refused(`more than ${AUDIT_LIMITS.matched} records are in its scope: narrow it`)
    next = found.last + 1
  }
  const indexes = records.map(({ index }) => index)
  const sample = drawSample({ order: q.sha256, server, seed, indexes, count: order.sample })
  const version: AuditPayload['version'] = order.version ?? 1
  const listed = { version, order: q.sha256, server, seed, records, coverage }
  const left =
    AUDIT_LIMITS.payloadBytes - Buffer.byteLength(canonicalJson(listed)) - sample.length * ENTRY_BYTES
  if (left < 0) throw refused('the list of what is in its scope is too long for an answer: narrow it')
  const most = Math.min(MAX_BUNDLES_BYTES, Math.floor((left * 3) / 4))
  const bundles = await bundlesOf(sample, { clearance, most }, rooms)
  return { payload: { ...listed, bundles }, sample }
}

/** Throws `audit_order_refused`: what is no seed is none at the next try either. */
function seedOf(seed: string): Checkpoint {
  try {
    return readSeed(seed)
  } catch (thrown) {
    throw refused(`its seed is none: ${asFault(thrown).what ?? ''}`)
  }
}

/** What does not say whether it is in scope is left out, and counted. */
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

/** What was erased since has none, which is said; so is what there is no room for. */
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

/** Bodies may be of gigabytes: no more of a bundle is ever read than there is room for. Throws `conflict`. */
async function readAtMost(most: number, bundle: Readable): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  // Leaving the loop destroys the stream, and with it the bodies that it reads.
  for await (const chunk of bundle as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > most)
      throw new Fault('conflict', { what: 'the answer has no room for it: ask for it by itself' })
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function refused(what: string): Fault {
  return new Fault('audit_order_refused', { what })
}
