/**
 * Checks that the records of a bundle belong to one exchange. Each record after the first answers the first
 * (an erasure may answer any of them), the reply answers exactly that request, and a record's metadata agree
 * with its message. Receipts of a delivery answer none: they name the exchange that carried it.
 */
import { hash } from 'node:crypto'
import { isReceiptKind } from '#core/delivery/receipt.ts'
import { parseRestRequest } from '#core/transport/rest-request.ts'
import { parseRestResponse, requestHash } from '#core/transport/rest-response.ts'
import { requestHashIn } from '#core/transport/soap-consistency.ts'
import { isSoapMessage } from '#core/transport/soap-document.ts'
import { parseSoapMessage, type SoapMessage } from '#core/transport/soap-message.ts'
import { Fault } from '#schemas/fault.ts'
import { type ClientId, idText, type ServiceId } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import type { RecordVerdict } from './bundle.ts'
import { whyForeignReceipt } from './check-receipt.ts'
import type { ProvenRecord } from './judge-record.ts'
import { readStatement } from './read-statement.ts'

type Said = {
  client: ClientId
  service: ServiceId | SoapMessage['service']
  id?: string | undefined
  requestId?: string | undefined
}

/**
 * The verdict on one record, compared with the others of the bundle. The exchange begins with the first
 * record of `all` that is no receipt.
 */
export async function checkExchange(record: ProvenRecord, all: ProvenRecord[]): Promise<RecordVerdict> {
  const { leaf: _leaf, shown: _shown, ...verdict } = record
  if (record.verdict === 'TOTAL-FAILED') return verdict
  try {
    const reason = await whyForeign(record, all)
    return reason === undefined
      ? verdict
      : { ...verdict, verdict: 'TOTAL-FAILED', subIndication: 'HASH_FAILURE', reason }
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown
    const reason = thrown.what ?? thrown.message
    return { ...verdict, verdict: 'TOTAL-FAILED', subIndication: 'FORMAT_FAILURE', reason }
  }
}

async function whyForeign(record: ProvenRecord, all: ProvenRecord[]): Promise<string | undefined> {
  const { form, shown } = record
  if (isReceiptKind(form.kind)) return whyForeignReceipt(record, all)
  const first = all.find((one) => !isReceiptKind(one.form.kind))!
  const answered =
    form.kind === 'erasure' ? all.some(({ leaf }) => leaf === form.answers) : form.answers === first.leaf
  if (record !== first && !answered)
    return say`It does not answer record ${first.index}: the bundle mixes exchanges.`.toString()
  const { answers } = (record.metadata ?? {}) as { answers?: unknown }
  if (record !== first && form.kind !== 'erasure' && answers !== undefined && answers !== first.index)
    return say`It says that it answers record ${String(answers)}.`.toString()
  if (shown === undefined) return undefined
  const asked = first === record ? undefined : first.shown
  if (form.kind === 'refusal' || form.kind === 'outcome-unknown') {
    const { requestHash: named } = readStatement(shown.message, form.kind)
    // A request that was refused before its body was read is named by its id alone.
    const isAlike = asked === undefined || named === '' || named === hashOf(asked)
    return isAlike ? undefined : notAReply(first)
  }
  if (isSoapMessage(shown.message)) return whyUnlikeSoap(shown.message, record, asked?.message)
  if (form.kind === 'request') return whyUnlike(parseRestRequest(shown.message), record.metadata)
  if (form.kind !== 'reply') return undefined
  const response = parseRestResponse(shown.message)
  if (asked !== undefined && response.requestHash !== requestHash(asked.hashes)) return notAReply(first)
  return whyUnlike(response, record.metadata)
}

/**
 * A SOAP message says nothing of x-road-request-id; the hash of its request stands in its header (pr-mess).
 */
async function whyUnlikeSoap(
  message: Buffer,
  { form, metadata }: ProvenRecord,
  asked: Buffer | undefined,
): Promise<string | undefined> {
  const said = await parseSoapMessage(message)
  if (said.isResponse !== (form.kind === 'reply'))
    return say`Its message is no request or reply, as its record says.`.toString()
  const named = requestHashIn(said)
  if (form.kind === 'reply' && asked !== undefined && named !== hash('sha512', asked, 'base64'))
    return say`It is no reply to the message that it answers.`.toString()
  const { requestId } = (metadata ?? {}) as { requestId?: string }
  return whyUnlike({ ...said, requestId }, metadata)
}

/** By which an answer names this request: of SOAP the document alone (pr-mess). */
function hashOf({ message, hashes }: NonNullable<ProvenRecord['shown']>): string {
  return isSoapMessage(message) ? hashes.message.toString('base64') : requestHash(hashes)
}

function notAReply({ index }: ProvenRecord): string {
  return say`It is no reply to the message of record ${index}.`.toString()
}

function whyUnlike(said: Said, metadata: unknown): string | undefined {
  const facts = (metadata ?? {}) as Record<string, unknown>
  const own = { ...said, client: idText(said.client), service: idText(said.service) }
  const field = (['client', 'service', 'id', 'requestId'] as const).find((name) => facts[name] !== own[name])
  return field === undefined ? undefined : say`Its message and its record name another ${field}.`.toString()
}
