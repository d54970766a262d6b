/** Opens a stored record: its key, its content, and what the content says. */
import { Fault } from '#schemas/fault.ts'
import { decodeContent, SECTION, type Sections } from '../formats/content.ts'
import { deriveRecordKey, type LogKey, logKeyIdOf, openContent, type RecordKey } from '../formats/seal.ts'
import type { Metadata } from '../record-input.ts'
import type { StoredRecord } from './store.ts'

const SALT = 32

export type OpenedRecord = { key: RecordKey; sections: Sections; metadata: Metadata }

/** Finds a log key by its hex id. */
export type KeyFinder = (id: string) => LogKey | undefined

/**
 * The record's plaintext; undefined when it was erased or its log key is not available. Throws
 * `log_inconsistent`.
 */
export function openRecord(
  record: Pick<StoredRecord, 'seed' | 'content'>,
  findKey: KeyFinder,
): OpenedRecord | undefined {
  if (record.seed === undefined) return undefined
  const logKey = findKey(logKeyIdOf(record.seed).toString('hex'))
  if (logKey === undefined) return undefined
  const key = deriveRecordKey(logKey.key, record.seed)
  const sections = decodeContent(openContent(key.dataKey, record.content))
  return { key, sections, metadata: JSON.parse(sections[SECTION.metadata]!.toString()) as Metadata }
}

/**
 * What is kept of a record whose content ended with its proof kept: metadata, digests, and the salt of its
 * commitments.
 */
export type OpenedRemainder = { key: Pick<RecordKey, 'salt'>; sections: Sections; metadata: Metadata }

/** Undefined when nothing is kept or the log key is not available. Throws `log_inconsistent`. */
export function openRemainder(
  remainder: { seed: Buffer; content: Buffer } | undefined,
  findKey: KeyFinder,
): OpenedRemainder | undefined {
  const opened = remainder === undefined ? undefined : openRecord(remainder, findKey)
  if (opened === undefined) return undefined
  const salt = opened.sections[SECTION.salt]
  if (salt?.length !== SALT) throw new Fault('log_inconsistent', { what: 'what stays of an erased record' })
  return { ...opened, key: { salt } }
}
