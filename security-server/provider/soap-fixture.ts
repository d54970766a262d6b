/** For tests only: a request in SOAP as a peer sends it. */
import { createHash, randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { writeSoap } from '#core/transport/write-soap.ts'
import { type ClientId, memberOf, type ServiceId } from '#schemas/identifiers.ts'
import type { Body } from '../message/body.ts'
import { soap } from '../message/soap.ts'
import { createMessageSigner } from '../peer/sign-message.ts'
import { writeMessage } from '../peer/write-message.ts'
import type { createProviderWorld } from './fixture.ts'
import type { Arrival } from './receive.ts'

/** `content` is the one element of its body; `change` changes its text before it is signed. */
export async function inSoap(
  { world }: Pick<Awaited<ReturnType<typeof createProviderWorld>>, 'world'>,
  q: {
    client: ClientId
    service: ServiceId
    content: string
    userId?: string | undefined
    change?: (text: string) => string
    attached?: Body
  },
): Promise<Arrival> {
  const { client, service, userId, content, change = (text) => text, attached: body } = q
  const id = randomUUID()
  const message = Buffer.from(change(writeSoap({ client, service, id, userId }, content)))
  const sign = createMessageSigner({ keys: world.consumer.keys, clock: world.clock })
  const messageSha512 = createHash('sha512').update(message).digest()
  const { signature } = await sign(memberOf(client), { messageSha512, body })
  const { certificate, intermediates, ocspResponses } = world.consumer.keys.authenticationIdentity()
  const part = { contentType: 'text/xml; charset=UTF-8', headers: [] }
  const written = writeMessage({ codec: soap, part, ocspResponses, message, body, signature })
  const sent = written.content()
  return {
    headers: {
      'content-type': written.contentType,
      'x-hash-algorithm': 'SHA-512',
      'x-proxy-version': '7.8.1',
      'x-road-request-id': id,
      'x-original-content-type': 'text/xml; charset=UTF-8',
    },
    content: Buffer.isBuffer(sent) ? Readable.from([sent], { objectMode: false }) : sent,
    presented: [certificate, ...intermediates],
    protocol: 'TLSv1.3',
  }
}
