/** The lists that the own security server keeps for its systems: members, trusted issuers. */
import { collect, streamOf } from '#adapters/client/answer.ts'
import type { ConnectOptions } from '#adapters/client/connect.ts'
import { ExchangeError } from '#adapters/client/exchange-error.ts'
import { readJson } from '#adapters/client/read-json.ts'
import { readAll } from '#adapters/client/request-body.ts'
import { createTransport } from '#adapters/client/transport.ts'

type OwnLists = {
  /** What `GET /{what}` answers. Throws ExchangeError. */
  list(what: string): Promise<unknown>
  /** The octets of a file that `GET /{what}` gives. Throws ExchangeError. */
  file(what: string): Promise<Uint8Array>
  close(): void
}

const LIST_MS = 15_000
const LIST_BYTES = 32 * 1024 * 1024

/** Connects with the first request. Throws for options that make no sense. */
export function openOwnLists(options: ConnectOptions): OwnLists {
  const { url, tls, connectTimeoutMs = LIST_MS } = options
  const transport = createTransport({ url, tls, connectTimeoutMs })
  const fetched = async (what: string, accept: string): Promise<Uint8Array> => {
    const signal = AbortSignal.timeout(LIST_MS)
    const message = await transport.send({
      ...{ method: 'GET', target: `/${what}`, content: undefined, signal },
      headers: [['Accept', accept]],
    })
    const bytes = await collect(readAll(streamOf(message, signal)), LIST_BYTES)
    if (message.statusCode !== 200)
      throw new ExchangeError('not_an_answer', { what, status: message.statusCode })
    return bytes
  }
  return {
    list: async (what) => readJson(new TextDecoder().decode(await fetched(what, 'application/json'))),
    file: (what) => fetched(what, '*/*'),
    close: () => transport.close(),
  }
}
