/** What can be searched: for each kind its list, and what is told about one that was found. */
import type { Page } from '#platform/database/lists.ts'
import type { ProposalStore } from '#platform/proposals/store.ts'
import { encodedId, encodedServer } from '../../members/rules.ts'
import type { MemberStore } from '../../members/store.ts'
import type { ContractRow } from '../../register/tables.ts'
import type { ServerStore } from '../../servers/store.ts'

/** `words` are names that people gave; `what` and `state` are names of this API. */
type Found = { id: string; words?: string; what?: string; state?: string }

export type List = {
  /** The operation that lists this kind: who may call it finds it. */
  operation: string
  find(page: Page): Promise<Found[]>
  count(q: string | undefined): Promise<number>
}

type Listed<Row> = { list(page: Page): Promise<Row[]>; count(filter: Pick<Page, 'q'>): Promise<number> }

type Rooms = {
  members: Pick<MemberStore, 'members' | 'countMembers' | 'allSubsystems' | 'countSubsystems'>
  servers: Pick<ServerStore, 'servers' | 'countServers'>
  contracts: Listed<Pick<ContractRow, 'contract' | 'title' | 'state'>>
  requestList: Listed<{ id: number; kind: string; server: string; state: string }>
  proposalList: Pick<ProposalStore, 'list' | 'count'>
}

const ALL = { view: 'all' } as const

export function listsOf({ members, servers, contracts, requestList, proposalList }: Rooms) {
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
      count: (q) => proposalList.count(ALL, q),
    },
  } satisfies Record<string, List>
}
