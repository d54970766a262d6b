/** Writes a call as a system of the client would send it, in the name of the person who asked for it. */
import { randomUUID } from 'node:crypto'
import type { HeaderList } from '#core/transport/header-list.ts'
import { writeSoap } from '#core/transport/write-soap.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import { Fault } from '#schemas/fault.ts'
import { idText, type ServiceId, type SubsystemId } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import type { SentRequest } from './needs.ts'

type Call = {
  client: SubsystemId
  service: ServiceId
  /** X-Road-Id. */
  id: string
  /** X-Road-Issue; a question for metadata has none. */
  case: string | undefined
}

type Pair = { name: string; value: string }
/** `path` raw, below the service. */
export type RestCall = {
  method: string
  path: string
  query?: Pair[] | undefined
  headers?: Pair[] | undefined
  contentType?: string | undefined
  content?: string | undefined
}

/** Who asks and for whom is for this server to say; how the message is framed, too. */
const NOT_GIVEN =
  /^(?:x-road-|x-concordat-|x-hash-|x-proxy-|x-original-|content-|transfer-|host$|connection$|expect$)/i

/** An id that shows in every log that it was a try-out. */
export function newId(instance: string): string {
  return `${instance}-try-out-${randomUUID()}`
}

/** The person or key in the audit log of this server, for which the provider can ask: no name leaves. */
function userOf({ kind, id }: Caller): string {
  return `${kind}:${id}`
}

/** Throws `invalid_input` for a header that is not for the caller to set. */
export function writeRest(call: Call, asked: RestCall, caller: Caller): SentRequest {
  const { method, path, query = [], headers = [], contentType, content } = asked
  const wrong = headers.find(({ name }) => NOT_GIVEN.test(name))
  if (wrong !== undefined)
    throw new Fault('invalid_input', { what: say`the header ${wrong.name} is set here` })
  const pairs = query.map(({ name, value }) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
  const search = pairs.length === 0 ? '' : `?${pairs.join('&')}`
  const ours: HeaderList = [
    ['X-Road-Client', idText(call.client)],
    ['X-Road-Id', call.id],
    ['X-Road-UserId', userOf(caller)],
    ...(call.case === undefined ? [] : [['X-Road-Issue', call.case] satisfies [string, string]]),
    ...(content === undefined
      ? []
      : [['Content-Type', contentType ?? 'application/json'] satisfies [string, string]]),
  ]
  return {
    ...{ protocol: 'REST', method, url: `/r1/${idText(call.service)}${path}${search}` },
    headers: [...ours, ...headers.map(({ name, value }): [string, string] => [name, value])],
    body: content === undefined ? undefined : Buffer.from(content),
  }
}

/** `element` is the one element of the body. */
export function writeSoapCall(call: Call, element: string, caller: Caller): SentRequest {
  const { client, service, id, case: issue } = call
  const document = writeSoap({ client, service, id, issue, userId: userOf(caller) }, element)
  return {
    ...{ protocol: 'SOAP', method: 'POST', url: '/' },
    headers: [
      ['Content-Type', 'text/xml; charset=utf-8'],
      ['SOAPAction', '""'],
    ],
    body: Buffer.from(document),
  }
}
