/** The room's own wiring: proposals, who stands behind their proposers, the operations; registry.ts hands in what it stands on. */
import type { ApiKeys } from '#platform/api-keys/create-api-keys.ts'
import type { AuditLog } from '#platform/audit-log/create-audit-log.ts'
import type { Clock } from '#platform/clock.ts'
import type { Database } from '#platform/database/open-database.ts'
import type { RegisteredOpenApi } from '#platform/http-service/openapi.ts'
import type { Operation } from '#platform/http-service/openapi-operations.ts'
import type { Log } from '#platform/logging/create-log.ts'
import type { PeopleStore } from '#platform/people/store.ts'
import { type Approvals, createApprovals } from './create-approvals.ts'
import { createProposalStore } from './proposals-store.ts'
import { createProposers } from './proposers.ts'
import { type ApprovalHandlers, approvalHandlers } from './routes.ts'

type Named = { id: number; name: string }

export function openApprovals(q: {
  database: Database
  people: Pick<PeopleStore, 'find'>
  apiKeys: Pick<ApiKeys, 'find'>
  /** Names of what is trusted, for what a proposal says. */
  trust: { services(): Promise<Named[]>; timestampingServices(): Promise<Named[]> }
  /** All of the API. */
  operations: Operation[]
  isRequired(): Promise<boolean>
  perform: RegisteredOpenApi['perform']
  audit: Pick<AuditLog, 'before'>
  clock: Clock
  log: Log
}): { approvals: Approvals; proposers: ReturnType<typeof createProposers>; proposed: ApprovalHandlers } {
  const { people, trust } = q
  const store = createProposalStore(q.database)
  const proposers = createProposers(q)
  const operations = q.operations.filter((operation) => operation.fourEyes)
  const peopleReaders = q.operations.find(({ id }) => id === 'getPeople')?.roles ?? []
  const approvals = createApprovals({
    ...q,
    ...{ store, proposers },
    rolesFor: (operation) => operations.find(({ id }) => id === operation)?.roles ?? [],
  })
  const proposed = approvalHandlers({
    ...{ store, approvals, operations, clock: q.clock },
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
  return { approvals, proposers, proposed }
}
