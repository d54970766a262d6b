/**
 * Indexes people of records that are durable already, never on the message path: identifiers are taken out, evaluated by the
 * key holder, and only hashes are written, in one commit with how far the index goes. Killed anywhere, it begins where that
 * commit left it; while the key holder is away, records wait. What cannot be read even at a second look is counted, and holds up
 * nothing behind it.
 */
import { Fault } from '#schemas/fault.ts'
import type { SubjectEvaluation, SubjectQuestion } from '#schemas/subject-keys.ts'
import type { BodyFolder } from '../body-folder.ts'
import { gently } from '../retention/gently.ts'
import { openBody } from '../spool.ts'
import type { WorkerClient } from '../worker-client.ts'
import { subjectEntry } from './entry.ts'
import { type Declared, type FoundSubjects, findSubjects, type ReadBody } from './find-subjects.ts'
import type { SubjectSource } from './read-sources.ts'

export type IndexingRooms = {
  /** `service` and `contract` as the record names them. */
  declared(q: { service: string; contract: string }): Promise<Declared>
  /** By the key holder. */
  evaluate(records: SubjectQuestion[]): Promise<SubjectEvaluation[]>
}

/** Larger bodies in a file are counted, not read. */
export const MAX_BODY_BYTES = 1024 * 1024
/** The longest run: what is left waits for the next one. */
const RUN_MS = 20_000
/** Troubles that end by themselves or by an operator: until then the job fails, which shows. */
const PASSING: ReadonlySet<string> = new Set([
  'EACCES',
  'EAGAIN',
  'EBUSY',
  'EMFILE',
  'ENFILE',
  'ENOMEM',
  'EPERM',
])

type Log = { worker: Pick<WorkerClient, 'call'>; folder: Pick<BodyFolder, 'open'> }

/** Says how many records were looked at. */
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

/** `unread`: the records whose body could not be read; `again` when one has come to them, which may be erased by now. */
async function indexSome(
  { worker, folder }: Log,
  rooms: IndexingRooms,
  unread: Set<number>,
): Promise<number | 'again'> {
  const { from, to, sources } = await worker.call('subjectSources')
  if (from === to) return 0
  const unreadBefore = unread.size
  const found: { source: SubjectSource; of: FoundSubjects }[] = []
  for (const source of sources) {
    const declared = await rooms.declared(source)
    const readers = {
      body: bodyOf(source, folder as BodyFolder, unread),
      request: async () =>
        source.answers === undefined ? undefined : worker.call('subjectRequest', source.answers),
    }
    found.push({ source, of: await findSubjects(source, declared, readers) })
  }
  if (unread.size > unreadBefore) return 'again'
  const questions = found
    .filter(({ of }) => of.subjects.length > 0)
    .map(({ source, of }) => ({ index: source.idx, month: source.time.slice(0, 7), subjects: of.subjects }))
  const answers = questions.length === 0 ? [] : await rooms.evaluate(questions)
  const byIndex = new Map(answers.map((answer) => [answer.index, answer]))
  const records = found.map(({ source, of }) => {
    const { idx, time, kind } = source
    const service = source.isSecret ? '' : source.service
    const answer = byIndex.get(idx)
    const { hashes, keyId } = answer !== undefined && 'hashes' in answer ? answer : { hashes: [], keyId: '' }
    const entries = hashes.map((hash) => subjectEntry(time.slice(0, 7), hash))
    const gap = answer !== undefined && 'without' in answer ? gapOf(answer.without) : undefined
    const reason = gap === undefined ? of.reason : kind === 'reply' ? (`reply_${gap}` as const) : gap
    return { idx, day: time.slice(0, 10), service, reason, entries, keyId }
  })
  await worker.call('putSubjects', { from, to, records })
  return to - from
}

function gapOf(without: 'destroyed' | 'refused') {
  return without === 'destroyed' ? 'key_destroyed' : 'refused'
}

function bodyOf({ idx, body, bodyFile }: SubjectSource, folder: BodyFolder, unread: Set<number>): ReadBody {
  return async () => {
    if (bodyFile === undefined) return body
    if (bodyFile.size > MAX_BODY_BYTES) return 'too_large'
    const chunks: Buffer[] = []
    try {
      for await (const chunk of openBody(folder, bodyFile) as AsyncIterable<Buffer>) chunks.push(chunk)
    } catch (thrown) {
      if (!isLost(thrown)) throw thrown
      unread.add(idx)
      return 'unreadable'
    }
    return Buffer.concat(chunks)
  }
}

/** Missing, damaged or on a broken disk. */
function isLost(thrown: unknown): boolean {
  const isInconsistent = thrown instanceof Fault && thrown.code === 'log_inconsistent'
  const cause = isInconsistent ? thrown.cause : thrown
  const code = cause instanceof Error ? ((cause as NodeJS.ErrnoException).code ?? '') : ''
  return isInconsistent ? !PASSING.has(code) : code === 'EIO'
}
