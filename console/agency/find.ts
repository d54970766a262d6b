/** What can be found at a security server: clients, services and contracts while one types, messages only when one asks for it. */
import { type Api, segmentOf } from '../kit/api.ts'
import type { Finder, Found, Search } from '../kit/find.ts'
import { type TextKey, text } from '../kit/text.ts'
import type { Client, Service } from './services/shapes.ts'

const SHOWN = 5

type Contract = { contract: string; title: string }

function finder<T>(
  operation: string,
  title: TextKey,
  rowsOf: (data: object) => T[],
  found: (row: T) => Found,
  list: (typed: string) => string,
): Finder {
  return {
    operation,
    async find(typed: string, call: Api['call'], signal: AbortSignal) {
      const query = { q: typed, limit: String(SHOWN) }
      const { data, total = 0 } = await call<object>(operation, { query, signal })
      const rows = rowsOf(data).map(found)
      const all = { title: text('find.all', { count: total }), to: list(typed) }
      return [{ title: text(title), found: total > rows.length ? [...rows, all] : rows }]
    },
  }
}

const withQuery =
  (path: string, name = 'q') =>
  (typed: string): string =>
    `${path}?${new URLSearchParams({ [name]: typed }).toString()}`

export const search: Search = {
  what: 'find.whatAgency',
  finders: [
    finder<Client>(
      'findClients',
      'find.kind.client',
      (data) => data as Client[],
      ({ id, memberName = '' }) => ({ title: id, beside: memberName, to: `/clients/${segmentOf(id)}` }),
      withQuery('/clients'),
    ),
    finder<Service>(
      'findServices',
      'find.kind.service',
      (data) => data as Service[],
      ({ id, fullServiceId, url }) => ({ title: fullServiceId, beside: url, to: `/clients/services/${id}` }),
      withQuery('/clients'),
    ),
    finder<Contract>(
      'getContracts',
      'find.kind.contract',
      (data) => (data as { contracts: Contract[] }).contracts,
      ({ contract, title }) => ({ title, beside: contract, to: `/contracts/${contract}` }),
      withQuery('/contracts'),
    ),
  ],
  lookUps: [
    {
      operation: 'findRecords',
      // The ids that systems give to messages have no spaces; a search for words is none for a message.
      offer: (typed) =>
        /\s/.test(typed)
          ? undefined
          : { title: text('find.message', { id: typed }), to: withQuery('/records', 'queryId')(typed) },
    },
    {
      operation: 'getExchange',
      offer: (typed) =>
        /^\d{1,15}$/.test(typed)
          ? { title: text('find.record', { index: typed }), to: `/exchanges/${typed}` }
          : undefined,
    },
  ],
}
