/**
 * Calls the key holder for the index by person, over a Unix socket or mutual TLS. Every call has a time
 * limit, and its answer a size limit.
 */
import { Agent, request } from 'undici'
import { isMonth } from '#core/subject/months.ts'
import { Fault } from '#schemas/fault.ts'
import type { Whole } from '#schemas/sent-values.ts'
import {
  SIGNED_TIME,
  type SubjectEvaluation,
  type SubjectLookUp,
  type SubjectMonths,
  type SubjectQuestion,
  type SubjectSearch,
} from '#schemas/subject-keys.ts'

export type SubjectKeysClient = {
  /**
   * Throws `subject_evaluations_used_up`. All calls throw `subject_keys_unavailable` when the key holder
   * gives no valid answer.
   */
  evaluateRecords(records: SubjectQuestion[]): Promise<SubjectEvaluation[]>
  /** Throws `subject_searches_used_up`, `invalid_input`. */
  evaluateSearch(search: SubjectSearch): Promise<SubjectMonths>
  /** For a person who asks. Throws `subject_searches_used_up`, `invalid_input`. */
  evaluateLookUp(asked: SubjectLookUp): Promise<SubjectMonths>
  /** `as`: with the credential of trackers. */
  state(as?: 'tracker'): Promise<HolderState>
  close(): Promise<void>
}

export type HolderState = {
  months: { month: string; createdAt: string | null; destroyedAt: string | null }[]
  oldestKept: string
  mark: Whole
  today: { identifiers: number; refused: number; usedUp: number }
}

const TIMEOUT_MS = 10_000
const MAX_ANSWER_BYTES = 4 * 1024 * 1024
const HASH = /^[0-9a-f]{32}$/
const KEY_ID = /^[0-9a-f]{16}$/
const FAULT_ID = /^[0-9a-f-]{36}$/
/**
 * Faults that the key holder reports about a request. Any other failure becomes `subject_keys_unavailable`.
 */
const PASSED_ON = ['subject_searches_used_up', 'subject_evaluations_used_up', 'invalid_input'] as const

export function createSubjectKeysClient(q: {
  /** A socket's path, or an https address with the certificates of both sides, PEM. */
  at: { socket: string } | { url: string; certificate: string; key: string; holderCertificate: string }
  credentials: { index: string; search: string; tracker?: string | undefined }
  /**
   * The time (ms) that others have signed; without it the key holder destroys nothing by what this server
   * says.
   */
  signedTime?: (() => number | undefined) | undefined
}): SubjectKeysClient {
  const { at, credentials } = q
  const limits = {
    headersTimeout: TIMEOUT_MS,
    bodyTimeout: TIMEOUT_MS,
    maxResponseSize: MAX_ANSWER_BYTES,
    connections: 4,
  }
  const base = 'socket' in at ? 'http://subject-keys' : at.url.replace(/\/$/, '')
  const dispatcher = new Agent({
    ...limits,
    connect:
      'socket' in at
        ? { socketPath: at.socket, timeout: TIMEOUT_MS }
        : {
            timeout: TIMEOUT_MS,
            cert: at.certificate,
            key: at.key,
            ca: at.holderCertificate,
            // The key holder is identified by its certificate, the only one that is trusted here. The names
            // in it do not matter.
            checkServerIdentity: () => undefined,
          },
  })

  const ask = async (path: string, credential: string, body?: object): Promise<unknown> => {
    let status: number
    let text: string
    const signed = q.signedTime?.()
    try {
      const reply = await request(`${base}/v1${path}`, {
        method: body === undefined ? 'GET' : 'POST',
        headers: {
          authorization: `Bearer ${credential}`,
          ...(signed !== undefined && { [SIGNED_TIME]: `${Math.floor(signed)}` }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        dispatcher,
        signal: AbortSignal.timeout(2 * TIMEOUT_MS),
      })
      status = reply.statusCode
      text = await reply.body.text()
    } catch (cause) {
      throw unavailable('it cannot be reached', cause)
    }
    if (status === 200) return JSON.parse(text) as unknown
    const { type, detail } = readFault(text)
    const known = PASSED_ON.find((code) => type === code)
    if (known !== undefined) throw new Fault(known, { what: 'as the holder of the keys says', detail })
    throw unavailable(`it answered ${status} ${type.slice(0, 100)}`)
  }

  const tracker = (): string => {
    if (credentials.tracker === undefined)
      throw unavailable('the settings have no `subjectKeys.trackerKeyFile`')
    return credentials.tracker
  }

  return {
    evaluateRecords: async (records) => {
      const answer = (await ask('/record-evaluations', credentials.index, { records })) as {
        records: SubjectEvaluation[]
      }
      const isSound =
        answer.records?.length === records.length &&
        answer.records.every((one, i) => one.index === records[i]!.index && isEvaluation(one, records[i]!))
      if (!isSound) throw unavailable('it answered something else')
      return answer.records
    },
    evaluateSearch: async (search) => monthsIn(await ask('/search-evaluations', credentials.search, search)),
    evaluateLookUp: async (asked) => monthsIn(await ask('/look-up-evaluations', tracker(), asked)),
    state: async (as) =>
      (await ask('/state', as === undefined ? credentials.index : tracker())) as HolderState,
    close: () => dispatcher.close(),
  }
}

function monthsIn(answer: unknown): SubjectMonths {
  const { months, destroyed, oldestKept } = answer as SubjectMonths
  const isSound =
    [oldestKept, ...destroyed].every(isMonth) &&
    months.every(({ month, hash, keyId }) => isMonth(month) && HASH.test(hash) && KEY_ID.test(keyId))
  if (!isSound) throw unavailable('it answered something else')
  return answer as SubjectMonths
}

/** Whether the answer has a valid hash for each identifier, or a valid reason why it has none. */
function isEvaluation(answer: SubjectEvaluation, { subjects }: SubjectQuestion): boolean {
  if ('without' in answer) return answer.without === 'destroyed' || answer.without === 'refused'
  const isWhole = answer.hashes.length === subjects.length && KEY_ID.test(answer.keyId)
  return isWhole && answer.hashes.every((hash) => HASH.test(hash))
}

/** `detail`: the id of the fault in the key holder's log. */
function readFault(text: string): { type: string; detail: string | undefined } {
  try {
    const { type, detail } = JSON.parse(text) as { type?: unknown; detail?: unknown }
    const isId = typeof detail === 'string' && FAULT_ID.test(detail)
    return { type: typeof type === 'string' ? type : '', detail: isId ? detail : undefined }
  } catch {
    return { type: '', detail: undefined }
  }
}

function unavailable(what: string, cause?: unknown): Fault {
  return new Fault('subject_keys_unavailable', { what, cause })
}
