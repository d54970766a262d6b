/**
 * Checks that the records of a bundle belong to one exchange. Each record after the first answers the first (an erasure may
 * answer any of them), the reply answers exactly that request, and a record's metadata agree with its message.
 */
import { parseRestRequest } from '#core/transport/rest-request.ts'
import { parseRestResponse, requestHash } from '#core/transport/rest-response.ts'
import { Fault } from '#schemas/fault.ts'
import { type ClientId, idText, type ServiceId } from '#schemas/identifiers.ts'
import type { RecordVerdict } from './bundle.ts'
import type { ProvenRecord } from './judge-record.ts'

type Said = { client: ClientId; service: ServiceId; id?: string | undefined; requestId?: string | undefined }

const LESS_THAN = 0x3c

/** The verdict on one record, compared with the others of the bundle. The exchange begins with the first record of `all`. */
export function checkExchange(record: ProvenRecord, all: ProvenRecord[]): RecordVerdict {
  const { leaf: _leaf, shown: _shown, ...verdict } = record
  if (record.verdict === 'TOTAL-FAILED') return verdict
  try {
    const reason = whyForeign(record, all)
    return reason === undefined
      ? verdict
      : { ...verdict, verdict: 'TOTAL-FAILED', subIndication: 'HASH_FAILURE', reason }
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown
    const reason = thrown.what ?? thrown.message
    return { ...verdict, verdict: 'TOTAL-FAILED', subIndication: 'FORMAT_FAILURE', reason }
  }
}

function whyForeign(record: ProvenRecord, all: ProvenRecord[]): string | undefined {
  const [first] = all as [ProvenRecord, ...ProvenRecord[]]
  const { form, shown } = record
  const answered =
    form.kind === 'erasure' ? all.some(({ leaf }) => leaf === form.answers) : form.answers === first.leaf
  if (record !== first && !answered)
    return `It does not answer record ${first.index}: the bundle mixes exchanges.`
  const { answers } = (record.metadata ?? {}) as { answers?: unknown }
  if (record !== first && form.kind !== 'erasure' && answers !== undefined && answers !== first.index)
    return `It says that it answers record ${String(answers)}.`
  // SOAP messages name their parties in a header that X-Road's readers judge; the log commits to those bytes too.
  if (shown === undefined || form.kind === 'refusal' || shown.message[0] === LESS_THAN) return undefined
  if (form.kind === 'request') return whyUnlike(parseRestRequest(shown.message), record.metadata)
  if (form.kind !== 'reply') return undefined
  const response = parseRestResponse(shown.message)
  const asked = first === record ? undefined : first.shown
  if (asked !== undefined && response.requestHash !== requestHash(asked.hashes))
    return `It is no reply to the message of record ${first.index}.`
  return whyUnlike(response, record.metadata)
}

function whyUnlike(said: Said, metadata: unknown): string | undefined {
  const facts = (metadata ?? {}) as Record<string, unknown>
  const own = { ...said, client: idText(said.client), service: idText(said.service) }
  const field = (['client', 'service', 'id', 'requestId'] as const).find((name) => facts[name] !== own[name])
  return field === undefined ? undefined : `Its message and its record name another ${field}.`
}
