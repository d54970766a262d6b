/**
 * What the REST system, or the security server before it, answered: the value of its JSON with all digits,
 * nothing, or a fault. No status is an answer that the settings do not make one.
 */
import type { SystemAnswer } from '#adapters/kit/system/open-system.ts'
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import { isJsonType } from '#core/transport/content-type.ts'
import { isPlainText } from '#platform/plain-text.ts'
import { Fault } from '#schemas/fault.ts'
import { HEADER } from '#schemas/wire.ts'
import { readAll } from '../envelope.ts'
import type { MappedOperation, RestAsSoapSettings } from './settings.ts'

type Q = Pick<RestAsSoapSettings, 'faultText' | 'limits'> & {
  mapped: MappedOperation
  /** The id of the request, where a security server answers. */
  exchange: string | undefined
}

/** What a client caused, unless the settings say otherwise. */
const OF_CLIENTS: ReadonlySet<number> = new Set([400, 404, 409, 410, 412, 422])
const WITHOUT_CONTENT: ReadonlySet<number> = new Set([204, 205])
const MAX_FAULT_BYTES = 64 * 1024
const MAX_DEPTH = 64
const MAX_TEXT = 500
const CODE = /^[A-Za-z][A-Za-z0-9_.:-]{0,199}$/

/**
 * Undefined for an answer without content. Throws `source_refused`, `source_failed`, `source_timeout`,
 * `answer_too_large`, and the fault of a security server as it came.
 */
export async function readReply(answer: SystemAnswer, q: Q): Promise<unknown> {
  const { status, headers, body } = answer
  if (q.exchange !== undefined) await checkExchange(answer, q.exchange)
  if (headers['content-encoding'] !== undefined) {
    letGo(answer)
    throw failed('its answer is compressed, which nobody asked for')
  }
  if (q.mapped.empty.includes(status) || WITHOUT_CONTENT.has(status)) {
    letGo(answer)
    return undefined
  }
  if (status < 200 || status > 299 || q.mapped.faults.some((one) => one.status === status))
    throw await faultOf(answer, q)
  if (!isJsonType(headers['content-type'] as string | undefined)) {
    letGo(answer)
    throw failed(`it answered ${status} and no JSON`)
  }
  const value = jsonOf(await readAll(body, q.limits.answerBytes))
  if (value === undefined) throw failed('its answer is no JSON that everybody reads in the same way')
  return value
}

/** A page of something on the way, or the answer to another request, is none (pr-rest). */
async function checkExchange(answer: SystemAnswer, id: string): Promise<void> {
  const { headers, body, status } = answer
  if (headers[HEADER.requestHash] !== undefined && headers[HEADER.id] === id) return
  const code = headers[HEADER.error]
  if (typeof code !== 'string' || !CODE.test(code)) {
    letGo(answer)
    throw failed(`it answered ${status}, and not as a security server does`)
  }
  const said = isJsonType(headers['content-type'] as string | undefined)
    ? jsonOf(await readAll(body, MAX_FAULT_BYTES).catch(() => Buffer.alloc(0)))
    : undefined
  letGo(answer)
  const text = (name: string): string => {
    const found = memberOf(said, name)
    return isPlainText(found, 4096) ? found : ''
  }
  throw Fault.fromPeer({ type: code, message: text('message'), detail: text('detail') })
}

async function faultOf(answer: SystemAnswer, { mapped, faultText }: Q): Promise<Fault> {
  const { status, headers, body } = answer
  const meant = mapped.faults.find((one) => one.status === status)
  const code = meant?.code ?? (OF_CLIENTS.has(status) ? 'Client' : 'Server')
  const isRead =
    meant?.text === undefined && faultText !== undefined && isJsonType(headers['content-type'] as string)
  const said = isRead ? jsonOf(await readAll(body, MAX_FAULT_BYTES).catch(() => Buffer.alloc(0))) : undefined
  letGo(answer)
  const found = faultText === undefined ? undefined : pointed(said, faultText)
  const what = meant?.text ?? (isPlainText(found, MAX_TEXT) ? found : undefined)
  const cause = new Error(`it answered ${status}`)
  return new Fault(code === 'Client' ? 'source_refused' : 'source_failed', { what, cause })
}

/** Undefined for what is no JSON. */
function jsonOf(bytes: Buffer): unknown {
  try {
    return parseStrictJson(bytes, {
      ...{ maxLength: Number.MAX_SAFE_INTEGER, maxDepth: MAX_DEPTH },
      number: (text) => JSON.rawJSON(text),
    })
  } catch {
    return undefined
  }
}

/** RFC 6901. */
function pointed(value: unknown, pointer: string): unknown {
  const parts = pointer.split('/').slice(1)
  return parts
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce<unknown>((at, part) => memberOf(at, part), value)
}

function memberOf(value: unknown, name: string): unknown {
  const isObject = typeof value === 'object' && value !== null
  return isObject && Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined
}

function letGo({ body }: SystemAnswer): void {
  body.on('error', () => undefined).destroy()
}

function failed(why: string): Fault {
  return new Fault('source_failed', { cause: new Error(why) })
}
