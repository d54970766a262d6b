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
  close(): void
}

const LIST_MS = 15_000
const LIST_BYTES = 32 * 1024 * 1024

/** Connects with the first request. Throws for options that make no sense. */
export function openOwnLists(options: ConnectOptions): OwnLists {
  const { url, tls, connectTimeoutMs = LIST_MS } = options
  const transport = createTransport({ url, tls, connectTimeoutMs })
  return {
    async list(what) {
      const signal = AbortSignal.timeout(LIST_MS)
      const message = await transport.send({
        ...{ method: 'GET', target: `/${what}`, content: undefined, signal },
        headers: [['Accept', 'application/json']],
      })
      const bytes = await collect(readAll(streamOf(message, signal)), LIST_BYTES)
      if (message.statusCode !== 200)
        throw new ExchangeError('not_an_answer', { what, status: message.statusCode })
      return readJson(new TextDecoder().decode(bytes))
    },
    close: () => transport.close(),
  }
}
