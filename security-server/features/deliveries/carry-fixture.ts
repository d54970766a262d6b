/** For tests only: an exchange from one half to the other, without a network. */
import { Readable } from 'node:stream'
import { FAULT_CONTENT_TYPE, writeSoapFault } from '#core/transport/fault-xml.ts'
import { wireFault } from '#schemas/fault.ts'
import type { PeerReply, PeerRequest } from '../../peer/client.ts'
import type { PeerWorld } from '../../peer/peer-fixture.ts'
import { exchange } from '../../provider/exchange.ts'
import { RefusedExchange } from '../../provider/refuse.ts'
import type { ProviderRooms } from '../../provider/rooms.ts'

/** From the consumer's half to the provider's and back, as the two servers would carry it. */
export async function carry(
  request: PeerRequest,
  rooms: ProviderRooms,
  world: PeerWorld,
): Promise<PeerReply> {
  const sent = request.content()
  const identity = world.consumer.keys.authenticationIdentity()
  const server = world.provider.id
  try {
    const reply = await exchange(
      {
        headers: request.headers,
        content: Buffer.isBuffer(sent) ? Readable.from([sent], { objectMode: false }) : sent,
        presented: [identity.certificate, ...identity.intermediates],
        protocol: 'TLSv1.3',
      },
      rooms,
    )
    const content = Buffer.isBuffer(reply.content)
      ? Readable.from([reply.content], { objectMode: false })
      : reply.content
    return { statusCode: 200, headers: reply.headers, content, server }
  } catch (cause) {
    if (!(cause instanceof RefusedExchange)) throw cause
    const { fault, signatures } = cause.refusal
    const refusal = signatures?.toString('base64')
    return {
      statusCode: 200,
      headers: {
        'content-type': FAULT_CONTENT_TYPE,
        ...(refusal && { 'x-concordat-refusal': refusal }),
        ...(fault.retryAfter !== undefined && { 'retry-after': String(fault.retryAfter) }),
      },
      content: Readable.from([Buffer.from(writeSoapFault(wireFault(fault, 'server.serverproxy')))], {
        objectMode: false,
      }),
      server,
    }
  }
}
