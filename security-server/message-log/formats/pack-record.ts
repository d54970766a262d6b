/** Packs a record for the worker: content that the log level leaves out never reaches the log's thread. */
import { idText } from '#schemas/identifiers.ts'
import type { SpooledBody } from '../bodies/spool.ts'
import type { Metadata, RecordInput } from '../record-input.ts'
import { type Field, fieldsOf, type RecordHead } from './group-format.ts'
import { metadataText } from './own-record.ts'

/** `circumstances` is their document, when the log may not have it yet. */
export function packRecord(record: RecordInput, node: string, circumstances: string | undefined): Field[] {
  const logLevel = record.logLevel ?? 'full'
  const { body, answers } = record
  const head: RecordHead = {
    kind: record.kind,
    direction: record.direction,
    time: record.time.getTime(),
    outcome: record.outcome,
    logLevel,
    contract: record.contract ?? '',
    ...(answers === undefined ? {} : { answers }),
    ...(body === undefined || logLevel === 'none'
      ? {}
      : { body: { size: body.size, ...(body.file === undefined ? {} : { name: body.file.name }) } }),
  }
  const metadata = metadataText(metadataOf(record, node, logLevel === 'none'))
  if (logLevel === 'none') return fieldsOf(head, metadata, { replayKey: record.replayKey })
  const { message, signature, replayKey } = record
  const kept = logLevel === 'full' ? body : withoutHeaders(body)
  return fieldsOf(head, metadata, { message, body: kept, signature, replayKey, circumstances })
}

/** What attachments are called is content. */
function withoutHeaders(body: SpooledBody | undefined): SpooledBody | undefined {
  if (body?.attachments === undefined) return body
  return { ...body, attachments: body.attachments.map((one) => ({ ...one, headers: [] })) }
}

function metadataOf(record: RecordInput, node: string, idsOnly: boolean): Metadata {
  const { ids, answers, circumstances, configuration, keepDays, secrecy, peer, extra } = record
  const metadata: Metadata = { id: ids.id, requestId: ids.requestId, node }
  if (answers !== undefined) metadata.answers = answers
  if (keepDays !== undefined) metadata.keepDays = keepDays
  if (secrecy !== undefined) metadata.secrecy = secrecy
  if (idsOnly) return metadata
  if (circumstances !== undefined) metadata.circumstances = circumstances.digest
  // Only in the record that others answer: both were judged by the same configuration.
  if (configuration !== undefined && answers === undefined) metadata.configuration = configuration
  metadata.client = idText(record.client)
  metadata.service = idText(record.service)
  if (peer !== undefined) metadata.peer = idText(peer)
  if (extra !== undefined) metadata.extra = sorted(extra)
  return metadata
}

function sorted(extra: Record<string, string>): Record<string, string> {
  const names = Object.keys(extra)
  if (names.every((name, i) => i === 0 || names[i - 1]! < name)) return extra
  return Object.fromEntries(names.sort().map((name) => [name, extra[name]!]))
}
