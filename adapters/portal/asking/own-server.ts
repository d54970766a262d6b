/** The own security server as the portal asks it: services of others, and the list of all members and their subsystems. */

import { collect, streamOf } from '#adapters/client/answer.ts'
import { type ConnectOptions, connect, type SecurityServer } from '#adapters/client/connect.ts'
import { ExchangeError } from '#adapters/client/exchange-error.ts'
import { readJson } from '#adapters/client/read-json.ts'
import { readAll } from '#adapters/client/request-body.ts'
import { createTransport } from '#adapters/client/transport.ts'
import { Fault } from '#schemas/fault.ts'

export type OwnServer = SecurityServer & {
  /** What `GET /listClients` answers for an instance, the own one by default (X-Road service metadata protocol for REST, section 4.1). Throws ExchangeError. */
  listClients(instance?: string): Promise<unknown>
  /** What `GET /listTrustedIssuers` answers (`schemas/trusted-issuer.ts`). Throws ExchangeError. */
  listTrustedIssuers(): Promise<unknown>
}

const LIST_MS = 15_000
const LIST_BYTES = 32 * 1024 * 1024

/** Connects with the first request. Throws `invalid_configuration`. */
export function openServer(options: ConnectOptions): OwnServer {
  try {
    const server = connect(options)
    const { url, tls, connectTimeoutMs = LIST_MS } = options
    const transport = createTransport({ url, tls, connectTimeoutMs })
    const list = async (what: string): Promise<unknown> => {
      const signal = AbortSignal.timeout(LIST_MS)
      const message = await transport.send({
        ...{ method: 'GET', target: `/${what}`, content: undefined, signal },
        headers: [['Accept', 'application/json']],
      })
      const bytes = await collect(readAll(streamOf(message, signal)), LIST_BYTES)
      if (message.statusCode !== 200)
        throw new ExchangeError('not_an_answer', { what, status: message.statusCode })
      return readJson(new TextDecoder().decode(bytes))
    }
    return {
      ...server,
      listClients: (instance) =>
        list(
          instance === undefined
            ? 'listClients'
            : `listClients?xRoadInstance=${encodeURIComponent(instance)}`,
        ),
      listTrustedIssuers: () => list('listTrustedIssuers'),
      close() {
        server.close()
        transport.close()
      },
    }
  } catch (cause) {
    throw new Fault('invalid_configuration', { what: `securityServer: ${(cause as Error).message}`, cause })
  }
}
