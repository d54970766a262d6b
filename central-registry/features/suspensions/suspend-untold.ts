/**
 * Makes a suspension by the usual rules within a transaction that is rolled back, without notifying anybody.
 */
import type { Kysely } from 'kysely'
import type { Caller } from '#platform/http-service/caller.ts'
import type { SuspendedKind } from '#schemas/global-configuration.ts'
import { within } from '../../changes/store.ts'
import { createSuspendableContracts } from '../../contract-versions/suspendable.ts'
import type { RegisterTables } from '../../register/tables.ts'
import { subjectOf } from './rules.ts'
import { createSuspensionStore } from './store.ts'

/** `id` has the API's form. Throws as the act itself. */
export async function suspendUntold(
  transaction: Kysely<RegisterTables>,
  { kind, id, instance }: { kind: SuspendedKind; id: string; instance: string },
  { caller, maker, at }: { caller: Caller; maker: string | null; at: string },
): Promise<void> {
  const store = createSuspensionStore(...within(transaction), {
    contracts: createSuspendableContracts(tellNobody),
    tell: tellNobody,
  })
  const by = { id: caller.id, name: caller.name }
  const subject = subjectOf(kind, id, instance)
  await store.suspend({ kind, subject, reason: 'foreseen', maker }, { by, words: caller.name, at })
}

const tellNobody = async (): Promise<void> => undefined
