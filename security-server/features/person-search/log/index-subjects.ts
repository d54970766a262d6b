/**
 * Indexes the people whom records concern, after the records are durable and never on the message path. It
 * reads the identifiers and has the key holder evaluate them. One commit stores the hashes and the position
 * of the index, so a run that was killed continues from its last commit. While the key holder does not
 * answer, records wait. A record that cannot be read at the second attempt is counted, and the records after
 * it are indexed all the same.
 */
import { Fault } from '#schemas/fault.ts'
import type { SubjectEvaluation, SubjectQuestion } from '#schemas/subject-keys.ts'
import { openBody } from '../../../message-log/bodies/spool.ts'
import type { MessageLog } from '../../../message-log/message-log.ts'
import { gently } from '../../../message-log/worker/gently.ts'
import { subjectEntry } from './entry.ts'
import {
  type Declared,
  type FoundSubjects,
  findSubjects,
  findUnopened,
  type ReadBody,
} from './find-subjects.ts'
import type { LookedAt } from './looked-at.ts'
import type { SubjectMethods } from './part.ts'
import { OPENED_AT_ONCE, type SubjectFacts, type SubjectSource } from './read-sources.ts'

export type IndexingRooms = {
  /** `service` and `contract` as the record names them. */
  declared(q: { service: string; contract: string }): Promise<Declared>
  /** The key holder's evaluation. */
  evaluate(records: SubjectQuestion[]): Promise<SubjectEvaluation[]>
}

/** A larger body in a file is counted as `too_large` and not read. */
const MAX_BODY_BYTES = 1024 * 1024
/** The longest time of a run. The next run continues. */
const RUN_MS = 20_000
/** Failures that pass or that an operator can mend. Until then the job fails, so that people see it. */
const PASSING: ReadonlySet<string> = new Set([
  'EACCES',
  'EAGAIN',
  'EBUSY',
  'EMFILE',
  'ENFILE',
  'ENOMEM',
  'EPERM',
])

type Log = Pick<MessageLog<SubjectMethods>, 'parts' | 'bodies'>

/** Returns the number of records that were processed. */
export async function indexSubjects(log: Log, rooms: IndexingRooms, signal?: AbortSignal): Promise<number> {
  const end = performance.now() + RUN_MS
  let indexed = 0
  const unread = new Set<number>()
  while (signal?.aborted !== true && performance.now() < end) {
    const some = await gently(() => indexSome(log, rooms, unread))
    if (some === 'again') continue
    if (some === 0) break
    indexed += some
  }
  return indexed
}

type Looked = { of: FoundSubjects; facts: SubjectFacts }

/**
 * `unread`: records whose body could not be read. Returns the number of processed records. Returns `again`
 * when a record was added to `unread`: it may have been erased meanwhile, so the range must be read again.
 */
async function indexSome(log: Log, rooms: IndexingRooms, unread: Set<number>): Promise<number | 'again'> {
  const { from, to, facts } = await log.parts.subjectRange()
  if (from === to) return 0
  const records: LookedAt[] = []
  const toOpen: number[] = []
  const declared = remember(rooms)
  for (const one of facts) {
    const of = findUnopened(one, await declared(one))
    if (of === undefined) toOpen.push(one.idx)
    else records.push(lookedAt({ facts: one, of }, undefined))
  }
  const unreadBefore = unread.size
  for (let at = 0; at < toOpen.length; ) {
    const found = await openSome(log, toOpen.slice(at, at + OPENED_AT_ONCE), declared, unread)
    if (unread.size > unreadBefore) return 'again'
    const answers = await evaluate(rooms, found)
    for (const one of found) records.push(lookedAt(one, answers.get(one.facts.idx)))
    at += found.length
  }
  records.sort((a, b) => a.idx - b.idx)
  await log.parts.putSubjects({ from, to, records })
  return to - from
}

/** A thousand records belong to few services. */
function remember(rooms: IndexingRooms): IndexingRooms['declared'] {
  const known = new Map<string, Promise<Declared>>()
  return ({ service, contract }) => {
    const name = `${contract} ${service}`
    const said = known.get(name) ?? rooms.declared({ service, contract })
    known.set(name, said)
    return said
  }
}

async function openSome(
  { parts, bodies }: Log,
  indexes: number[],
  declared: IndexingRooms['declared'],
  unread: Set<number>,
): Promise<Looked[]> {
  const found: Looked[] = []
  for (const source of await parts.subjectSources(indexes)) {
    const readers = {
      body: bodyOf(source, bodies, unread),
      request: async () => (source.answers === undefined ? undefined : parts.subjectRequest(source.answers)),
    }
    found.push({ facts: source, of: await findSubjects(source, await declared(source), readers) })
  }
  return found
}

async function evaluate(rooms: IndexingRooms, found: Looked[]): Promise<Map<number, SubjectEvaluation>> {
  const questions = found
    .filter(({ of }) => of.subjects.length > 0)
    .map(({ facts, of }) => ({ index: facts.idx, month: facts.time.slice(0, 7), subjects: of.subjects }))
  const answers = questions.length === 0 ? [] : await rooms.evaluate(questions)
  return new Map(answers.map((answer) => [answer.index, answer]))
}

function lookedAt({ facts, of }: Looked, answer: SubjectEvaluation | undefined): LookedAt {
  const { idx, time, kind } = facts
  const service = facts.isSecret ? '' : facts.service
  const { hashes, keyId } = answer !== undefined && 'hashes' in answer ? answer : { hashes: [], keyId: '' }
  const entries = hashes.map((hash) => subjectEntry(time.slice(0, 7), hash))
  const gap = answer !== undefined && 'without' in answer ? gapOf(answer.without) : undefined
  const reason = gap === undefined ? of.reason : kind === 'reply' ? (`reply_${gap}` as const) : gap
  return {
    ...{ idx, day: time.slice(0, 10), service, reason, entries, keyId },
    ...(of.isLook === true && { isLook: true }),
  }
}

function gapOf(without: 'destroyed' | 'refused') {
  return without === 'destroyed' ? 'key_destroyed' : 'refused'
}

function bodyOf(
  { idx, body, bodyFile }: SubjectSource,
  bodies: Log['bodies'],
  unread: Set<number>,
): ReadBody {
  return async () => {
    if (bodyFile === undefined) return body
    if (bodyFile.size > MAX_BODY_BYTES) return 'too_large'
    const chunks: Buffer[] = []
    try {
      for await (const chunk of openBody(bodies, bodyFile) as AsyncIterable<Buffer>) chunks.push(chunk)
    } catch (thrown) {
      if (!isLost(thrown)) throw thrown
      unread.add(idx)
      return 'unreadable'
    }
    return Buffer.concat(chunks)
  }
}

/** Whether the body's file is missing, damaged or on a broken disk. */
function isLost(thrown: unknown): boolean {
  const isInconsistent = thrown instanceof Fault && thrown.code === 'log_inconsistent'
  const cause = isInconsistent ? thrown.cause : thrown
  const code = cause instanceof Error ? ((cause as NodeJS.ErrnoException).code ?? '') : ''
  return isInconsistent ? !PASSING.has(code) : code === 'EIO'
}
