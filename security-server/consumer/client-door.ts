/**
 * The consumer's half for messages that a system hands over to be sent later: the checks that can be made at
 * once, and the exchange itself, which is the ordinary one.
 */

import { Readable } from 'node:stream'
import type { FastifyRequest } from 'fastify'
import type { ClientId } from '#schemas/identifiers.ts'
import type { Request } from '../message/message.ts'
import { rest } from '../message/rest.ts'
import { judgeRepresentation } from '../peer/check-representation.ts'
import type { TermsOnRecord } from '../peer/terms-on-record.ts'
import { accept, HANDED_OVER } from './accept.ts'
import type { LoggedAnswer } from './answer.ts'
import { authenticateClient, checkAccess } from './check-access.ts'
import { checkContract } from './check-contract.ts'
import type { ConsumerRooms } from './rooms.ts'
import { arrivalOf } from './routes.ts'
import { watchedExchange } from './watched-exchange.ts'

/** A REST request as a system would send it. */
type HandedOver = { method: 'GET' | 'POST'; url: string; rawHeaders: string[]; body?: Buffer }

export type ClientDoor = {
  /** Throws unless the system on this connection has proved that it is one of `client`. */
  authenticate(request: FastifyRequest, client: ClientId): void
  /**
   * What would be refused at once is refused here: throws what the exchange would throw before it reads a
   * body.
   */
  check(q: HandedOver): Promise<{ request: Request; terms: TermsOnRecord }>
  /** One exchange; throws a Fault that is logged. */
  carry(q: HandedOver): Promise<LoggedAnswer>
}

export function createClientDoor(rooms: ConsumerRooms): ClientDoor {
  const arrival = ({ body, ...q }: HandedOver) => ({
    ...({ ...q, codec: rest, tls: HANDED_OVER } as const),
    content: body === undefined ? undefined : Readable.from([body], { objectMode: false }),
  })
  return {
    authenticate: (request, client) => authenticateClient(client, arrivalOf(request).tls, rooms.localSystems),
    async check(q) {
      const arrived = arrival({ ...q, body: undefined } as HandedOver)
      const accepted = await accept(arrived, rooms)
      const covered = checkContract(checkAccess(accepted, arrived, rooms), rooms)
      judgeRepresentation(covered, rooms)
      return covered
    },
    carry: (q) => watchedExchange(arrival(q), rooms),
  }
}
