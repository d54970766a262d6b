/** What can be searched: for each kind its list, and what is told about one that was found. */
import type { Page } from '#platform/database/lists.ts'
import type { PeopleStore } from '#platform/people/store.ts'
import type { ProposalStore } from '#platform/proposals/store.ts'
import { colonForm } from '#schemas/colon-identifiers.ts'
import type { GroupStore } from '../../groups/store.ts'
import { encodedId, encodedServer } from '../../members/rules.ts'
import type { MemberStore } from '../../members/store.ts'
import type { ContractRow } from '../../register/tables.ts'
import type { ServerStore } from '../../servers/store.ts'
import type { TrustSearch } from '../../trust/search-store.ts'

/**
 * `words` are names that people gave; `what` and `state` are names of this API. `knownBy` tells apart people
 * of one name: the e-mail address, or the subject at the login provider.
 */
type Found = { id: string; words?: string; what?: string; state?: string; knownBy?: string }

export type List = {
  /** The operation that lists this kind: who may call it finds it. */
  operation: string
  find(page: Page): Promise<Found[]>
  count(q: string | undefined): Promise<number>
}

/** A list by page in which `q` is searched. */
type Listed<Row> = {
  list(page: Page): Promise<Row[]>
  count(filter: Pick<Page, 'q'>): Promise<number>
}

type InTitles = { titlesOnly: true }

type Rooms = {
  members: Pick<MemberStore, 'members' | 'countMembers' | 'allSubsystems' | 'countSubsystems'>
  servers: Pick<ServerStore, 'servers' | 'countServers'>
  groups: Pick<GroupStore, 'groups' | 'countGroups'>
  /** `id` is a service's in its text form. */
  catalogue: {
    list(q: Page & InTitles): Promise<{ id: string; service_code: string; title: string; status: string }[]>
    count(q: Pick<Page, 'q'> & InTitles): Promise<number>
  }
  contracts: Listed<Pick<ContractRow, 'contract' | 'title' | 'state'>>
  requestList: Listed<{ id: number; kind: string; server: string; state: string }>
  proposalList: Pick<ProposalStore, 'list' | 'count'>
  anchors: Listed<{ sha256: string; instance: string; state: string }>
  trustSearch: TrustSearch
  people: Pick<PeopleStore, 'list' | 'count'>
}

const ALL = { view: 'all' } as const
const IN_TITLES: InTitles = { titlesOnly: true }

export function listsOf(rooms: Rooms) {
  const { members, servers, groups, catalogue, contracts, requestList, proposalList } = rooms
  return {
    member: {
      operation: 'getMembers',
      find: async (page) =>
        (await members.members(page)).map(({ id, name }) => ({ id: encodedId(id), words: name })),
      count: (q) => members.countMembers({ q }),
    },
    subsystem: {
      operation: 'getAllSubsystems',
      find: async (page) =>
        (await members.allSubsystems(page)).map(({ id, name, member_name }) => ({
          ...{ id: encodedId(id), words: name === '' ? member_name : name },
        })),
      count: (q) => members.countSubsystems({ q }),
    },
    server: {
      operation: 'getSecurityServers',
      find: async (page) =>
        (await servers.servers(page)).map(({ id, address }) => ({ id: encodedServer(id), words: address })),
      count: (q) => servers.countServers({ q }),
    },
    group: {
      operation: 'getGlobalGroups',
      find: async (page) =>
        (await groups.groups(page)).map(({ code, description }) => ({ id: code, words: description })),
      count: (q) => groups.countGroups({ q }),
    },
    service: {
      operation: 'getCatalogue',
      find: async (page) =>
        (await catalogue.list({ ...page, ...IN_TITLES })).map(({ id, service_code, title, status }) => ({
          ...{ id: colonForm(id), words: title === '' ? service_code : title, state: status },
        })),
      count: (q) => catalogue.count({ q, ...IN_TITLES }),
    },
    contract: {
      operation: 'getContracts',
      find: async (page) =>
        (await contracts.list(page)).map(({ contract, title, state }) => ({
          ...{ id: contract, words: title, state },
        })),
      count: (q) => contracts.count({ q }),
    },
    request: {
      operation: 'getManagementRequests',
      find: async (page) =>
        (await requestList.list(page)).map(({ id, kind, server, state }) => ({
          ...{ id: String(id), what: kind, words: encodedServer(server), state },
        })),
      count: (q) => requestList.count({ q }),
    },
    proposal: {
      operation: 'getProposals',
      find: async (page) =>
        (await proposalList.list(ALL, page)).map(({ id, operation, proposer_name, state }) => ({
          ...{ id, what: operation, words: proposer_name, state },
        })),
      count: (q) => proposalList.count(ALL, { q }),
    },
    ...instanceLists(rooms),
  } satisfies Record<string, List>
}

/** Whom and what the instance trusts, and who administers it. */
function instanceLists({ anchors, trustSearch, people }: Rooms) {
  return {
    anchor: {
      operation: 'getExternalAnchors',
      find: async (page) =>
        (await anchors.list(page)).map(({ sha256, instance, state }) => ({
          ...{ id: sha256, words: instance, state },
        })),
      count: (q) => anchors.count({ q }),
    },
    certificationService: {
      operation: 'getCertificationServices',
      find: async (page) =>
        (await trustSearch.certificationServices.list(page)).map(({ id, name }) => ({
          ...{ id: String(id), words: name },
        })),
      count: (q) => trustSearch.certificationServices.count({ q }),
    },
    timestampingService: {
      operation: 'getTimestampingServices',
      find: async (page) =>
        (await trustSearch.timestampingServices.list(page)).map(({ id, name }) => ({
          ...{ id: String(id), words: name },
        })),
      count: (q) => trustSearch.timestampingServices.count({ q }),
    },
    person: {
      operation: 'getPeople',
      find: async (page) =>
        (await people.list(page)).map(({ id, name, email, subject, state }) => ({
          ...{ id, words: name, state },
          ...(email === null && subject === null ? {} : { knownBy: email ?? subject! }),
        })),
      count: (q) => people.count({ q }),
    },
  } satisfies Record<string, List>
}
