/**
 * Reads the next records for the index by person, in the log's thread. First the facts of each record that
 * are known without decryption, then, in batches, the content of those that may concern people.
 */
import { Fault } from '#schemas/fault.ts'
import {
  type BodyFileReference,
  decodeBodyFile,
  SECTION,
  type Sections,
} from '../../../message-log/formats/content.ts'
import { type KeyFinder, openRecord, openRemainder } from '../../../message-log/records/open-record.ts'
import type { RecordStore } from '../../../message-log/records/store.ts'
import type { SearchStore } from '../../../reading/index/store.ts'
import { SUBJECTS } from './store.ts'

/** The facts of a record that are known before it is opened. */
export type SubjectFacts = {
  idx: number
  kind: 'request' | 'reply' | 'refusal'
  time: string
  contract: string
  /** Empty text when only ids were stored, or when the record has no row in the search index. */
  service: string
  /** Whether its contract hides it from some readers. If so, counts do not name its service. */
  isSecret: boolean
  /** The record of the request. Undefined for a refusal whose request was never logged. */
  answers: number | undefined
}

/** One opened record that may concern people. */
export type SubjectSource = SubjectFacts & {
  /** Undefined when it was not stored. */
  message: Buffer | undefined
  body: Buffer | undefined
  bodyFile: BodyFileReference | undefined
  /** The stored content cannot be decrypted. The verification of the log reports this too. */
  isDamaged: boolean
}

/** The messages from record `from` (included) to `to` (not). Records of the log about itself are left out. */
export type SubjectRange = { from: number; to: number; facts: SubjectFacts[] }

/** Records in one commit of the index. */
const AT_ONCE = 1000
/** The most records that are opened at once. */
export const OPENED_AT_ONCE = 100
const OCTETS_AT_ONCE = 2 * 1024 * 1024
const KINDS: ReadonlySet<string> = new Set(['request', 'reply', 'refusal'])

type Facts = { kind: SubjectFacts['kind']; direction: string; time: string; contract: string }

/** Stops where the search index stops, because a record without a row there cannot be found. */
export async function readRange(
  records: RecordStore,
  search: Pick<SearchStore, 'parties'>,
): Promise<SubjectRange> {
  const from = (await records.mark(SUBJECTS)) ?? 0
  const to = Math.min(from + AT_ONCE, (await records.mark('search')) ?? 0)
  if (from >= to) return { from, to: from, facts: [] }
  const parties = new Map((await search.parties(from, to - 1)).map((party) => [party.idx, party]))
  const facts: SubjectFacts[] = []
  for (const record of await records.forms(from, to - from)) {
    const { kind, direction, time, contract } = JSON.parse(record.form) as Facts
    if (direction === '' || !KINDS.has(kind)) continue
    const idx = Number(record.idx)
    const party = parties.get(idx)
    const { service, isSecret, answers } = party ?? { service: '', isSecret: false, answers: undefined }
    facts.push({ idx, kind, time, contract, service, isSecret, answers })
  }
  return { from, to, facts }
}

/** Opens the first of these records, in order, as many as fit: at least one. */
export async function openSources(
  records: RecordStore,
  findKey: KeyFinder,
  indexes: number[],
): Promise<SubjectSource[]> {
  const sources: SubjectSource[] = []
  let octets = 0
  for (const idx of indexes.slice(0, OPENED_AT_ONCE)) {
    if (octets > OCTETS_AT_ONCE) break
    const record = await records.get(idx)
    const { kind, time, contract } = JSON.parse(record.form) as Facts
    const remainder = await records.remainder(idx)
    const opened = undamaged(() => openRecord(record, findKey) ?? openRemainder(remainder, findKey))
    const sections = opened?.sections ?? []
    const bodyFile = undamaged(() => fileOf(sections))
    const [message, body] = [sections[SECTION.message], sections[SECTION.body]]
    octets += record.content.length
    sources.push({
      idx,
      kind,
      time,
      contract,
      service: opened?.metadata.service ?? '',
      isSecret: (opened?.metadata.secrecy ?? 0) > 0,
      answers: opened?.metadata.answers,
      message,
      body,
      bodyFile: bodyFile ?? undefined,
      isDamaged: opened === null || bodyFile === null,
    })
  }
  return sources
}

/** The message of a request. Undefined when it is not stored or cannot be read. */
export async function readRequest(
  records: RecordStore,
  findKey: KeyFinder,
  idx: number,
): Promise<Buffer | undefined> {
  const [record] = await records.from(idx, 1)
  if (record?.idx !== idx || (JSON.parse(record.form) as Facts).kind !== 'request') return undefined
  return undamaged(() => openRecord(record, findKey))?.sections[SECTION.message]
}

function fileOf(sections: Sections): BodyFileReference | undefined {
  const section = sections[SECTION.bodyFile]
  return section === undefined ? undefined : decodeBodyFile(section)
}

/** Null for content that was changed or damaged, so that the records after it are still indexed. */
function undamaged<T>(open: () => T): T | null {
  try {
    return open()
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.code === 'log_inconsistent') return null
    throw thrown
  }
}
