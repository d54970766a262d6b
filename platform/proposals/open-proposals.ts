/**
 * Opens the proposals of a server: their store, those who decide, and the job that ends what nobody decided.
 */
import type { ApiKeys } from '#platform/api-keys/create-api-keys.ts'
import type { Job } from '#platform/feature.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import type { CallInput } from '#platform/http-service/four-eyes.ts'
import type { OperationHandler, RegisteredOpenApi } from '#platform/http-service/openapi.ts'
import type { Operation } from '#platform/http-service/openapi-operations.ts'
import type { PeopleStore } from '#platform/people/store.ts'
import type { Services } from '#platform/services.ts'
import { type Approvals, createApprovals } from './create-approvals.ts'
import { createProposers } from './proposers.ts'
import { approvalHandlers } from './routes.ts'
import { createProposalStore, type ProposalStore } from './store.ts'

type Waiting = {
  /** Whether an open proposal would carry out this operation with these parameters of its path. */
  isProposed(q: { operation: string; params: Record<string, string> }): Promise<boolean>
}

export type ProposalOffers = {
  approvals: Approvals
  /**
   * The active person at the start of the chain of keys that made an API key; null for keys of the operator.
   */
  makerOf(key: string): Promise<string | null>
  /** How many proposals this caller may decide now. */
  countProposals(caller: Caller): Promise<number>
  proposalList: Pick<ProposalStore, 'list' | 'count'>
  /** Sets the API through which approved calls are carried out. */
  carryOutBy(api: RegisteredOpenApi): void
}

/** `isRequired`: whether two people are needed for this call of an operation now; without one, for any. */
export function openProposals(q: {
  ground: Pick<Services, 'database' | 'audit' | 'clock' | 'log'> & {
    people: Pick<PeopleStore, 'find'>
    apiKeys: Pick<ApiKeys, 'find'>
  }
  isRequired(
    operation: Operation | undefined,
    call: CallInput | undefined,
    waiting: Waiting,
  ): Promise<boolean>
  /**
   * Whether a caller sees proposals of acts that their roles have no part in; without it everybody does who
   * may list proposals.
   */
  seesAll?(caller: Caller): boolean
  /** The name of a thing that an operation names by its number, to explain a proposal. */
  nameOf?(operation: string, id: number): Promise<string | undefined>
}): { operations: Record<string, OperationHandler>; jobs: Job[]; offers: ProposalOffers } {
  const { ground, isRequired, seesAll = () => true, nameOf = async () => undefined } = q
  const { people, clock } = ground
  let api: RegisteredOpenApi | undefined
  const store = createProposalStore(ground.database)
  const proposers = createProposers(ground)
  // Nobody calls before there is an API.
  const isProposed: Waiting['isProposed'] = (q) => store.isProposed(q, new Date(clock()).toISOString())
  const operations = (): Operation[] => (api?.operations ?? []).filter((operation) => operation.fourEyes)
  const rolesFor = (name: string): string[] => api?.operations.find(({ id }) => id === name)?.roles ?? []
  const approvals = createApprovals({
    ...ground,
    ...{ store, proposers },
    isRequired: (operation, call) => isRequired(operation, call, { isProposed }),
    rolesFor,
    perform: (call) => api!.perform(call),
  })
  const { handlers, countWaiting } = approvalHandlers({
    ...{ store, approvals, operations, seesAll, clock },
    known: {
      person: async (id, { roles }) =>
        roles.some((role) => rolesFor('getPeople').includes(role)) ? people.find(id) : undefined,
      service: nameOf,
    },
  })
  return {
    operations: handlers,
    // Marks expired proposals, and acts whose process died.
    jobs: [{ kind: 'settle-proposals', everySeconds: 60, immediately: true, run: () => approvals.settle() }],
    offers: {
      ...{ approvals, makerOf: proposers.makerOf, countProposals: countWaiting, proposalList: store },
      carryOutBy: (registered) => {
        api = registered
      },
    },
  }
}
