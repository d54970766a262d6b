/**
 * Judges the proof of one use of a person's data, as a tracker gives it (docs/tracker.md): a bundle that
 * opens nothing. It compares what the leaf forms show with what the system said of the use, and the two sides
 * with each other. Whatever is wrong is a doubt, never an exception.
 */
import { leafHash } from '#core/merkle/hash.ts'
import type { LeafFields } from '#core/merkle/leaf-form.ts'
import { Fault } from '#schemas/fault.ts'
import { parseClientId, parseServerId } from '#schemas/identifiers.ts'
import type { Bundle, BundleQuestion, RecordVerdict } from './bundle.ts'
import { judgeBundle } from './judge-bundle.ts'
import { readBundle } from './read-bundle.ts'

/** What one system says of a use. */
export type SaidUse = {
  role: 'provider' | 'consumer'
  /** "DEV/GOV/1001/population" */
  system: string
  /** Of the request, in the log of that side; `leaf`: base64 of its leaf hash. */
  record: { index: number; leaf: string }
  /** ISO 8601 with milliseconds. */
  time: string
  /** "<id>/<version>", or '' without one. */
  contract: string
  outcome: 'given' | 'open' | 'refused'
}

/**
 * Why a side is not proven. `unreadable`: it is no proof of one use; `place`: it does not lead to the signed
 * state of a log; `leaf`: it is of another record than the system named; `words`: the record has another
 * time, side, contract or end than the system said; `server`: it is the log of a server that does not serve
 * this system; `unsigned`: nobody is known to have signed the state of the log.
 */
export type UseDoubt = 'unreadable' | 'place' | 'leaf' | 'words' | 'server' | 'unsigned'

export type JudgedUse = {
  doubt: UseDoubt | undefined
  /** "DEV/GOV/1234/ss1", by the proof's own words; '' for an unreadable one. */
  log: string
  /** Base64 of SHA-512 of the signature documents of request and answer; '' where there is none. */
  signatures: { request: string; answer: string }
}

/**
 * What two sides prove together. `message`: both logs hold the same signature of the request, and of the
 * answer where both have one, made by the office that asked; so they are of one question, or of questions
 * that were signed together. `apart`: they hold different ones. `unsigned`: a record without a signature, so
 * nothing ties the two. `one log`: both records stand in one log.
 */
export type UseTie = 'message' | 'apart' | 'unsigned' | 'one log'

type Question = Pick<BundleQuestion, 'configuration' | 'now'> & { proof: Buffer; said: SaidUse }

const LIMITS = { entries: 512, entryBytes: 48 * 1024 * 1024, bytes: 96 * 1024 * 1024 }
/** Request, answer, and two erasures of each. */
const MOST_RECORDS = 6

export async function judgeUse(q: Question): Promise<JudgedUse> {
  const none = { log: '', signatures: { request: '', answer: '' } }
  try {
    const bundle = await readBundle(q.proof, LIMITS)
    return isOfUse(bundle) ? await judge(bundle, q) : { doubt: 'unreadable', ...none }
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown
    return { doubt: 'unreadable', ...none }
  }
}

/** Only the places of a few records: whatever costs more to judge is no answer of a tracker. */
function isOfUse({ manifest: { records, timeStamps } }: Bundle): boolean {
  const isPlace = ({ container, signatures, metadata }: (typeof records)[number]): boolean =>
    container === undefined && signatures === undefined && metadata === undefined
  return (
    records.length > 0 && records.length <= MOST_RECORDS && timeStamps.length === 0 && records.every(isPlace)
  )
}

async function judge(bundle: Bundle, { said, configuration, now }: Question): Promise<JudgedUse> {
  const { verdict, log, records, checkpoints } = await judgeBundle({ bundle, configuration, now })
  const request = records.find(({ index }) => index === said.record.index)
  const answer = records.find(({ form }) => form.answers === said.record.leaf && form.kind !== 'erasure')
  const signatures = {
    request: request?.form.signature ?? '',
    answer: answer?.form.kind === 'reply' ? answer.form.signature : '',
  }
  const doubt = ((): UseDoubt | undefined => {
    if (verdict === 'TOTAL-FAILED') return 'place'
    if (request === undefined || leafOf(bundle, request) !== said.record.leaf) return 'leaf'
    if (!isAsSaid(said, request.form, answer?.form)) return 'words'
    const at = serving(log, said.system, configuration)
    if (at === 'another server') return 'server'
    return at === 'unknown' || checkpoints.some((head) => !head.signedByMember) ? 'unsigned' : undefined
  })()
  return { doubt, log, signatures }
}

function leafOf({ manifest }: Bundle, { index }: RecordVerdict): string {
  const { form } = manifest.records.find((one) => one.index === index)!
  return leafHash(Buffer.from(form)).toString('base64')
}

/**
 * What a leaf form shows of a use without being opened. An answer that came since the system told the use
 * contradicts nothing.
 */
function isAsSaid(said: SaidUse, request: LeafFields, answer: LeafFields | undefined): boolean {
  const outcome = request.outcome || (answer?.outcome ?? '')
  const end = outcome === '' ? 'open' : outcome === 'ok' ? 'given' : 'refused'
  return (
    request.direction === (said.role === 'provider' ? 'in' : 'out') &&
    Date.parse(request.time) === Date.parse(said.time) &&
    request.contract === said.contract &&
    (end === said.outcome || said.outcome === 'open')
  )
}

/** Whether the configuration has the system on the server of this log. */
function serving(
  log: string,
  system: string,
  configuration: BundleQuestion['configuration'],
): 'server' | 'another server' | 'unknown' {
  try {
    const server = parseServerId(log)
    const index = configuration.get(server.instance)
    if (index === undefined) return 'unknown'
    return index.isClientOf(server, parseClientId(system)) ? 'server' : 'another server'
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown
    return 'another server'
  }
}

/** Of two sides that are proven each. */
export function tieOf(provider: JudgedUse, consumer: JudgedUse): UseTie {
  if (provider.log === consumer.log) return 'one log'
  const [given, asked] = [provider.signatures, consumer.signatures]
  if (given.request === '' || asked.request === '') return 'unsigned'
  const areAnswers = given.answer !== '' && asked.answer !== ''
  return given.request === asked.request && (!areAnswers || given.answer === asked.answer)
    ? 'message'
    : 'apart'
}
