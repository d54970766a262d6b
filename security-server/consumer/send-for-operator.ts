/**
 * Guarantees that what a person of the operator sends as a subsystem goes the way of every request: signed,
 * logged, verified and answered by `exchange`, with its own line in the log. The one thing that is not asked
 * is that a system proves itself.
 */
import { Readable } from 'node:stream'
import type { HeaderList } from '#core/transport/header-list.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { asFault } from '#schemas/fault.ts'
import type { Content } from '../message/body.ts'
import { rest } from '../message/rest.ts'
import { soap } from '../message/soap.ts'
import { factsOf } from '../peer/log-facts.ts'
import { arrivalOfOperator } from './accept.ts'
import type { ConsumerRooms } from './rooms.ts'
import { watchedExchange } from './watched-exchange.ts'

/** As a client system would send it: REST to `/r1/...`, SOAP as a whole document. */
type OperatorsRequest = {
  protocol: 'REST' | 'SOAP'
  method: string
  url: string
  headers: HeaderList
  body: Buffer | undefined
}

/** `index` is that of the reply's record in the message log. */
type OperatorsAnswer = { status: number; headers: HeaderList; body: Content | undefined; index: number }

/** Throws the fault that a client system would get. */
export type SendForOperator = (request: OperatorsRequest) => Promise<OperatorsAnswer>

export function createSendForOperator(
  rooms: ConsumerRooms,
  log: Log,
  observe: (outcome: string, seconds: number) => void,
): SendForOperator {
  return async ({ protocol, method, url, headers, body }) => {
    const began = rooms.clock()
    const line = { half: 'consumer', from: 'operator', method }
    const content = body && Readable.from([body], { objectMode: false })
    const request = { method, url, rawHeaders: headers.flat(), content }
    try {
      const arrival = arrivalOfOperator(request, protocol === 'REST' ? rest : soap)
      const answer = await watchedExchange(arrival, rooms)
      const ms = rooms.clock() - began
      log.info({ ...line, ...answer.facts, status: answer.status, ms }, 'exchange')
      observe('ok', ms / 1000)
      return { status: answer.status, headers: answer.headers, body: answer.body, index: answer.facts.index }
    } catch (thrown) {
      const fault = asFault(thrown)
      const ms = rooms.clock() - began
      log.warn({ ...line, ...factsOf(fault), ms }, 'exchange')
      observe(fault.code, ms / 1000)
      throw fault
    }
  }
}
