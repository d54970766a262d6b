/** Opens a stored record: its key, its content, and what the content says. */
import { decodeContent, SECTION, type Sections } from './content.ts'
import type { Metadata } from './record-input.ts'
import type { StoredRecord } from './records/store.ts'
import { type LogKey, openContent, type RecordKey, unwrapRecordKey, wrappingKeyId } from './seal.ts'

export type OpenedRecord = { key: RecordKey; sections: Sections; metadata: Metadata }

/** Finds a log key by its hex id. */
export type KeyFinder = (id: string) => LogKey | undefined

/** The record's plaintext; undefined when it was erased or its log key is not here. Throws `log_inconsistent`. */
export function openRecord(
  record: Pick<StoredRecord, 'wrapped' | 'content'>,
  findKey: KeyFinder,
): OpenedRecord | undefined {
  if (record.wrapped === undefined) return undefined
  const logKey = findKey(wrappingKeyId(record.wrapped).toString('hex'))
  if (logKey === undefined) return undefined
  const key = unwrapRecordKey(logKey.key, record.wrapped)
  const sections = decodeContent(openContent(key.dataKey, record.content))
  return { key, sections, metadata: JSON.parse(sections[SECTION.metadata]!.toString()) as Metadata }
}
