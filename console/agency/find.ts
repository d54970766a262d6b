/**
 * What can be found at a security server while one types: what it has, who comes in, what waits for a second
 * person, its events, and whom the instance has. Messages, requests to the registry and its catalogue are
 * looked through only when one asks for it.
 */
import { type Api, ApiFault, segmentOf } from '../kit/api.ts'
import type { Finder, Found, FoundGroup, Search } from '../kit/find.ts'
import type { Proposal } from '../kit/proposal.tsx'
import { type TextKey, text, textIfAny } from '../kit/text.ts'
import type { Box, List as Deliveries, Delivery } from './deliveries/words.tsx'
import type { Token } from './keys/shapes.ts'
import type { SubscriptionList, TypeList } from './rooms/words.tsx'
import type { Client, Service } from './services/shapes.ts'

const SHOWN = 5
/** One more than is shown tells whether there are more, where the server does not count. */
const ASKED = String(SHOWN + 1)
/** The most that the API takes as a part of the name of an event type or of a subscriber. */
const MOST_OF_EVENTS = 128

type Contract = { contract: string; title: string }
type LocalGroup = { id: number; clientId: string; code: string; description: string }
type Member = {
  id: string
  name: string
  subsystems: { id: string; name?: string }[]
  servers?: string[]
}
type Person = { id: string; name: string; email: string | null; subject: string | null }

function finder<T>(
  operation: string,
  title: TextKey,
  rowsOf: (data: object) => T[],
  found: (row: T) => Found,
  list?: (typed: string) => string,
): Finder {
  return {
    operation,
    async find(typed: string, call: Api['call'], signal: AbortSignal) {
      const query = { q: typed, limit: String(SHOWN) }
      const { data, total = 0 } = await call<object>(operation, { query, signal })
      return [groupOf(title, rowsOf(data).map(found), { total, list: list?.(typed) })]
    },
  }
}

/** `list`: where all of them are; without such a page the group says that there are more. */
function groupOf(
  title: TextKey,
  found: Found[],
  { total, list }: { total: number; list: string | undefined },
): FoundGroup {
  if (total <= found.length) return { title: text(title), found }
  if (list === undefined)
    return { title: text('find.first', { title: text(title), count: found.length }), found }
  return { title: text(title), found: [...found, { title: text('find.all', { count: total }), to: list }] }
}

const withQuery =
  (path: string, name = 'q') =>
  (typed: string): string =>
    `${path}?${new URLSearchParams({ [name]: typed }).toString()}`

const fits = (words: string, typed: string): boolean => words.toLowerCase().includes(typed.toLowerCase())

/** Keys, also by their certificates. There are few: the server gives all of them at once. */
const keys: Finder = {
  operation: 'getTokens',
  async find(typed, call, signal) {
    // Of the page of keys, whose script is not part of the first page.
    const { keyName, keyPath, keyWords, subjectName } = await import('./keys/shapes.ts')
    const { data } = await call<Token[]>('getTokens', { signal })
    const fitting = data.flatMap((token) => token.keys).filter((key) => fits(keyWords(key), typed))
    const found = fitting.slice(0, SHOWN).map((key) => ({
      title: keyName(key),
      beside: key.certificates.map(({ subject }) => subjectName(subject)).join('; '),
      to: keyPath(key.id),
    }))
    return [groupOf('find.kind.key', found, { total: fitting.length, list: withQuery('/keys')(typed) })]
  },
}

const WITHOUT_CONFIGURATION = ['anchor_file_not_found', 'global_conf_outdated', 'suspension_list_outdated']

/** A server without a configuration in force knows nobody; what it has itself is found all the same. */
function nobody(cause: unknown): { data: Member[]; total: number } {
  if (cause instanceof ApiFault && WITHOUT_CONFIGURATION.some((type) => cause.type.endsWith(type)))
    return { data: [], total: 0 }
  throw cause
}

/**
 * Members, subsystems and security servers of the whole instance. What this server has to do with one of them
 * is in the contracts with it, or with the owner of the server.
 */
const others: Finder = {
  operation: 'findMembers',
  async find(typed, call, signal) {
    const query = { q: typed, servers: 'true', limit: String(SHOWN) }
    const { data, total = 0 } = await call<Member[]>('findMembers', { query, signal }).catch(nobody)
    const all = data
      .flatMap(({ id, name, subsystems }) => [
        { id, beside: name },
        ...subsystems.map((one) => ({ id: one.id, beside: [one.name, name].filter(Boolean).join(', ') })),
      ])
      .filter(({ id, beside }) => fits(`${id} ${beside}`, typed))
    const found = all
      .slice(0, SHOWN)
      .map(({ id, beside }) => ({ title: id, beside, to: withQuery('/contracts')(id) }))
    // Together where one owner has several: they lead to the same contracts.
    const servers = data.flatMap(({ id, name, servers: owned = [] }) => {
      const fitting = owned.filter((one) => fits(`${one} ${name}`, typed))
      if (fitting.length === 0) return []
      return { title: fitting.slice(0, SHOWN).join(', '), beside: name, to: withQuery('/contracts')(id) }
    })
    // Of the members of other pages nobody knows how many subsystems and servers fit.
    const hidden = total - data.length
    return [
      groupOf('find.kind.other', found, { total: all.length + hidden, list: undefined }),
      groupOf('find.kind.otherServer', servers, { total: servers.length + hidden, list: undefined }),
    ]
  },
}

/** One-way messages of both boxes, by their id, which has no spaces: the API finds no other part of them. */
const deliveries: Finder = {
  operation: 'getDeliveries',
  async find(typed, call, signal) {
    if (/\s/.test(typed)) return []
    const inBox = async (box: Box): Promise<Found[]> => {
      const query = { box, delivery: typed, limit: ASKED }
      const { data } = await call<Deliveries>('getDeliveries', { query, signal })
      return data.items.map((one) => foundDelivery(box, one))
    }
    const all = (await Promise.all([inBox('outbox'), inBox('inbox')])).flat()
    return [groupOf('deliveries.title', all.slice(0, SHOWN), { total: all.length, list: undefined })]
  },
}

function foundDelivery(box: Box, { position, delivery, type, state }: Delivery): Found {
  return {
    title: type ?? delivery,
    beside: [text(`deliveries.${box}`), text(`deliveries.state.${state}`)].join(', '),
    to: `/deliveries/${box}/${position}`,
  }
}

const eventTypes: Finder = {
  operation: 'getEventTypes',
  async find(typed, call, signal) {
    if (typed.length > MOST_OF_EVENTS) return []
    const query = { search: typed, limit: ASKED }
    const { items } = (await call<TypeList>('getEventTypes', { query, signal })).data
    const found = items.map(({ id, name, roomId }) => ({
      ...{ title: name, beside: roomId, to: `/rooms/types/${id}` },
    }))
    return [
      groupOf('rooms.types', found.slice(0, SHOWN), {
        ...{ total: found.length, list: undefined },
      }),
    ]
  },
}

/**
 * By who subscribed, or into which inbox: the list has all subscriptions of one. Those of secret contracts
 * are found only by people who may see their exchanges.
 */
const subscriptions: Finder = {
  operation: 'getSubscriptions',
  async find(typed, call, signal) {
    if (typed.length > MOST_OF_EVENTS) return []
    const query = { search: typed, limit: ASKED }
    const { items } = (await call<SubscriptionList>('getSubscriptions', { query, signal })).data
    const bySubscriber = Map.groupBy(items, ({ subscriberId }) => subscriberId ?? '')
    bySubscriber.delete('')
    const found = [...bySubscriber].map(([id, of]) => ({
      title: id,
      beside: [...new Set(of.flatMap(({ eventType }) => eventType ?? []))].join(', '),
      to: withQuery('/rooms/subscriptions', 'search')(id),
    }))
    const total = found.length + (items.length > SHOWN ? 1 : 0)
    return [groupOf('rooms.subscriptions', found.slice(0, SHOWN), { total, list: undefined })]
  },
}

export const search: Search = {
  what: 'find.whatAgency',
  finders: [
    finder<Client>(
      'findClients',
      'find.kind.client',
      (data) => data as Client[],
      ({ id, memberName, subsystemName }) => ({
        title: id,
        beside: [subsystemName, memberName].filter(Boolean).join(', '),
        to: `/clients/${segmentOf(id)}`,
      }),
      withQuery('/clients'),
    ),
    finder<Service>(
      'findServices',
      'find.kind.service',
      (data) => data as Service[],
      // No page lists the services of all clients.
      ({ id, fullServiceId, url }) => ({ title: fullServiceId, beside: url, to: `/clients/services/${id}` }),
    ),
    finder<Contract>(
      'getContracts',
      'find.kind.contract',
      (data) => (data as { contracts: Contract[] }).contracts,
      ({ contract, title }) => ({ title, beside: contract, to: `/contracts/${contract}` }),
      withQuery('/contracts'),
    ),
    finder<LocalGroup>(
      'findLocalGroups',
      'find.kind.localGroup',
      (data) => data as LocalGroup[],
      ({ id, clientId, code, description }) => ({
        ...{ title: code, beside: [description, clientId].filter(Boolean).join(', ') },
        to: `/clients/groups/${id}`,
      }),
    ),
    keys,
    finder<Person>(
      'getPeople',
      'find.kind.person',
      (data) => data as Person[],
      ({ name, email, subject }) => ({
        ...{ title: name, beside: email ?? subject ?? '' },
        to: withQuery('/people')(email ?? subject ?? name),
      }),
      withQuery('/people'),
    ),
    finder<Proposal>(
      'getProposals',
      'proposals.title',
      (data) => data as Proposal[],
      ({ id, operation, summary, proposedBy, state }) => ({
        title: textIfAny(`operation.${operation}`) ?? operation,
        beside: [summary, proposedBy.name, text(`proposal.${state}`)].filter(Boolean).join(', '),
        to: `/proposals/${id}`,
      }),
      withQuery('/proposals'),
    ),
    eventTypes,
    subscriptions,
    deliveries,
    others,
  ],
  lookUps: [
    {
      title: 'find.looks',
      looks: [
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
    },
    {
      title: 'filed.title',
      looks: [
        {
          // Only the registry knows how they stand, and each question to it costs a signature.
          operation: 'getManagementRequests',
          offer: (typed) => ({ title: text('find.filed', { typed }), to: withQuery('/requests')(typed) }),
        },
      ],
    },
    {
      title: 'catalogue.title',
      looks: [
        {
          operation: 'findCatalogueServices',
          offer: (typed) => ({
            title: text('find.catalogue', { typed }),
            to: withQuery('/catalogue')(typed),
          }),
        },
      ],
    },
  ],
}
