/** Messages in the form in which they are held against a description, and what a fault tells of them. */

import type { Violation } from '#core/openapi/rest-message.ts'
import type { HeaderList } from '#core/transport/header-list.ts'
import { codeOf } from '../local-systems/description-change.ts'
import type { DescribedMessage } from '../local-systems/validation/described-message.ts'
import type { Content } from '../message/body.ts'
import type { Unreadable } from '../message/cut-document.ts'
import type { Request, SystemAnswer } from '../message/message.ts'
import { withWhole } from '../message/read-whole.ts'
import { toldOf } from '../message/told-names.ts'
import type { AllowedRequest } from './check-contract.ts'

/** Hands the message to a judge while it is in memory. */
type Judge = (message: DescribedMessage) => Promise<Violation | undefined>
type Judged = Violation | Unreadable | undefined

export async function judgeRequest(
  { request, message, body }: Pick<AllowedRequest, 'request' | 'message' | 'body'>,
  judge: Judge,
): Promise<Judged> {
  if (request.protocol === 'SOAP') return judge(soapOf('request', request, message))
  const { method, servicePath: path, query, headers } = request
  const said = { protocol: 'REST', half: 'request', method, path, query, headers } as const
  return withBody(headers, body, (bytes) => judge({ ...said, body: bytes }))
}

export async function judgeAnswer(
  { status, headers, message, body }: SystemAnswer,
  request: Request,
  judge: Judge,
): Promise<Judged> {
  if (request.protocol === 'SOAP')
    return message === undefined
      ? { unreadable: 'it has no SOAP message' }
      : judge(soapOf('response', request, message.bytes))
  const { method, servicePath: path } = request
  const said = { protocol: 'REST', half: 'response', method, path, status, headers } as const
  return withBody(headers, body, (bytes) => judge({ ...said, body: bytes }))
}

export function isUnread(judged: Violation | Unreadable): judged is Unreadable {
  return 'unreadable' in judged
}

/** Where it is and which rule it breaks; no values, and no names that may be some. */
export function wordsOf({ place, pointer, rule }: Violation): string {
  const told = toldOf(pointer)
  return `${place}${told === '' ? '' : ` ${told}`}: ${rule}`
}

async function withBody(
  headers: HeaderList,
  body: Content | undefined,
  judge: (bytes: Buffer | undefined) => Promise<Violation | undefined>,
): Promise<Judged> {
  return body === undefined || body.size === 0 ? judge(undefined) : withWhole(body, headers, judge)
}

function soapOf(half: 'request' | 'response', { service }: Request, body: Buffer): DescribedMessage {
  return { protocol: 'SOAP', half, operation: codeOf(service), body }
}
