/** Decisions that need two people: proposals, the persons who answer for the proposers, and carrying out each proposal once. */
import type { ApiKeys } from '#platform/api-keys/create-api-keys.ts'
import type { FeatureModule } from '#platform/feature.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import type { RegisteredOpenApi } from '#platform/http-service/openapi.ts'
import type { Operation } from '#platform/http-service/openapi-operations.ts'
import type { PeopleStore } from '#platform/people/store.ts'
import type { Services } from '#platform/services.ts'
import { type Approvals, createApprovals } from './create-approvals.ts'
import { createProposalStore, type ProposalStore } from './proposals-store.ts'
import { createProposers } from './proposers.ts'
import { approvalHandlers } from './routes.ts'

type Named = { id: number; name: string }

type Ground = Pick<Services, 'database' | 'audit' | 'clock' | 'log'> & {
  people: Pick<PeopleStore, 'find'>
  apiKeys: Pick<ApiKeys, 'find'>
  /** Names of certification and time-stamping services, to explain a proposal. */
  trust: { services(): Promise<Named[]>; timestampingServices(): Promise<Named[]> }
  /** All operations of the management API. */
  apiOperations: Operation[]
  /** Whether changes of trust need two persons now. */
  fourEyes(): Promise<boolean>
}

type Offers = {
  approvals: Approvals
  /** The active person at the start of the chain of keys that made an API key; null for keys of the operator. */
  makerOf(key: string): Promise<string | null>
  /** How many proposals this caller may decide now. */
  countProposals(caller: Caller): Promise<number>
  proposalList: Pick<ProposalStore, 'list' | 'count'>
  /** Sets the API through which approved calls are carried out. */
  carryOutBy(api: RegisteredOpenApi): void
}

export const approvals: FeatureModule<Ground, Offers> = {
  name: 'approvals',
  open: (ground) => {
    const { people, trust, apiOperations, clock } = ground
    let api: RegisteredOpenApi | undefined
    const store = createProposalStore(ground.database)
    const proposers = createProposers(ground)
    const operations = apiOperations.filter((operation) => operation.fourEyes)
    const peopleReaders = apiOperations.find(({ id }) => id === 'getPeople')?.roles ?? []
    const made = createApprovals({
      ...ground,
      ...{ store, proposers, isRequired: ground.fourEyes },
      rolesFor: (operation) => operations.find(({ id }) => id === operation)?.roles ?? [],
      perform: (call) => api!.perform(call),
    })
    const { handlers, countWaiting } = approvalHandlers({
      ...{ store, approvals: made, operations, clock },
      known: {
        person: async (id, { roles }) =>
          roles.some((role) => peopleReaders.includes(role)) ? people.find(id) : undefined,
        service: async (operation, id) => {
          const services = /Timestamping/.test(operation)
            ? await trust.timestampingServices()
            : await trust.services()
          return services.find((one) => one.id === id)?.name
        },
      },
    })
    return {
      operations: handlers,
      // Marks expired proposals, and acts whose process died.
      jobs: [{ kind: 'settle-proposals', everySeconds: 60, immediately: true, run: () => made.settle() }],
      offers: {
        ...{ approvals: made, makerOf: proposers.makerOf, countProposals: countWaiting },
        proposalList: store,
        carryOutBy: (registered) => {
          api = registered
        },
      },
    }
  },
}
