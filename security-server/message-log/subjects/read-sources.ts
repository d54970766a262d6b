/** The next records that the index by person has not seen, opened as far as it needs: in the log's thread, a few at a time. */
import { Fault } from '#schemas/fault.ts'
import { type BodyFileReference, decodeBodyFile, SECTION, type Sections } from '../content.ts'
import type { LogDatabase } from '../log-database.ts'
import { type KeyFinder, openRecord, openRemainder } from '../open-record.ts'
import { SUBJECTS } from './store.ts'

/** One record in which people may stand. */
export type SubjectSource = {
  idx: number
  kind: 'request' | 'reply' | 'refusal'
  time: string
  /** '' where nothing but ids was kept. */
  service: string
  contract: string
  /** Whether its contract hides it from some readers: counts do not name its service. */
  isSecret: boolean
  /** The record that has the request: a refusal by itself answers one that was never logged. */
  answers: number | undefined
  /** Absent when it was not kept. */
  message: Buffer | undefined
  body: Buffer | undefined
  bodyFile: BodyFileReference | undefined
  /** What is stored of it does not decrypt: a verification says so too. */
  isDamaged: boolean
}

/** What lies from `from` to `to`; without the log's records about itself. */
export type SubjectSources = { from: number; to: number; sources: SubjectSource[] }

const AT_ONCE = 100
const OCTETS_AT_ONCE = 2 * 1024 * 1024
const KINDS: ReadonlySet<string> = new Set(['request', 'reply', 'refusal'])

type Facts = { kind: SubjectSource['kind']; direction: string; time: string; contract: string }

/** Goes no further than the search index, without whose row nothing is found. */
export async function readSources(
  log: Pick<LogDatabase, 'records'>,
  findKey: KeyFinder,
): Promise<SubjectSources> {
  const from = (await log.records.mark(SUBJECTS)) ?? 0
  const most = Math.min(from + AT_ONCE, (await log.records.mark('search')) ?? 0)
  const sources: SubjectSource[] = []
  let octets = 0
  let to = from
  if (from >= most) return { from, to, sources }
  for (const record of await log.records.from(from, most - from)) {
    if (octets > OCTETS_AT_ONCE) break
    to = record.idx + 1
    const { kind, direction, time, contract } = JSON.parse(record.form) as Facts
    if (direction === '' || !KINDS.has(kind)) continue
    const remainder = await log.records.remainder(record.idx)
    const opened = undamaged(() => openRecord(record, findKey) ?? openRemainder(remainder, findKey))
    const sections = opened?.sections ?? []
    const bodyFile = undamaged(() => fileOf(sections))
    const [message, body] = [sections[SECTION.message], sections[SECTION.body]]
    octets += record.content.length
    sources.push({
      idx: record.idx,
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
  return { from, to, sources }
}

/** The message of a request; undefined when nothing of it is kept or can be read. */
export async function readRequest(
  log: Pick<LogDatabase, 'records'>,
  findKey: KeyFinder,
  idx: number,
): Promise<Buffer | undefined> {
  const [record] = await log.records.from(idx, 1)
  if (record?.idx !== idx || (JSON.parse(record.form) as Facts).kind !== 'request') return undefined
  return undamaged(() => openRecord(record, findKey))?.sections[SECTION.message]
}

function fileOf(sections: Sections): BodyFileReference | undefined {
  const section = sections[SECTION.bodyFile]
  return section === undefined ? undefined : decodeBodyFile(section)
}

/** Null for what was tampered with or damaged: the records behind it are looked at all the same. */
function undamaged<T>(open: () => T): T | null {
  try {
    return open()
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.code === 'log_inconsistent') return null
    throw thrown
  }
}
