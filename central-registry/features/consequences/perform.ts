/** Carries an act out within a transaction, by the store of its own noun: the rules are those of the act itself. */
import type { Kysely } from 'kysely'
import type { Caller } from '#platform/http-service/caller.ts'
import { Fault } from '#schemas/fault.ts'
import type { SuspendedKind } from '#schemas/global-configuration.ts'
import { within } from '../../changes/store.ts'
import { noContract, versionsOf } from '../../contract-versions/rows-store.ts'
import { isPossible } from '../../contract-versions/rules.ts'
import { createSuspendableContracts } from '../../contract-versions/suspendable.ts'
import { clientOf, memberIdOf, serverOf, subsystemIdOf } from '../../members/rules.ts'
import { createMemberStore } from '../../members/store.ts'
import type { RegisterTables } from '../../register/tables.ts'
import { createServerStore } from '../../servers/store.ts'
import { createTrustStore } from '../../trust/store.ts'
import { createContractStore } from '../contracts/store.ts'
import { createFederationStore } from '../federation/store.ts'
import { subjectOf } from '../suspensions/rules.ts'
import { createSuspensionStore } from '../suspensions/store.ts'

const FORESEEABLE = [
  ...(['deleteCertificationService', 'deleteIntermediateCa', 'deleteTimestampingService'] as const),
  ...(['deleteSecurityServer', 'deleteAuthenticationCertificate', 'deleteClient'] as const),
  ...(['deleteMember', 'deleteSubsystem', 'addSuspension'] as const),
  ...(['suspendContract', 'terminateContract', 'removeExternalAnchor'] as const),
] as const

/** `id`: as in the operation's path, or the subject of a suspension. */
export type ForeseenAct = {
  operation: (typeof FORESEEABLE)[number]
  id: string
  kind?: SuspendedKind
  sha256?: string
  client?: string
}

type Q = { instance: string; at: string; caller: Caller; maker: string | null }

/** Throws what the act would. Nobody is told and nothing is announced. */
export async function perform(transaction: Kysely<RegisterTables>, act: ForeseenAct, q: Q): Promise<void> {
  const { operation, id } = act
  const { instance, at, caller } = q
  const trust = createTrustStore(...within(transaction))
  const servers = createServerStore(...within(transaction))
  const members = createMemberStore(...within(transaction))
  switch (operation) {
    case 'deleteCertificationService':
      return trust.deleteService(numberOf(id))
    case 'deleteIntermediateCa':
      return trust.deleteIntermediate(numberOf(id), given(act.sha256, 'sha256'))
    case 'deleteTimestampingService':
      return trust.deleteTimestampingService(numberOf(id))
    case 'deleteSecurityServer':
      return servers.deleteServer(serverOf(id, instance))
    case 'deleteAuthenticationCertificate':
      return servers.deleteCertificate(serverOf(id, instance), given(act.sha256, 'sha256'))
    case 'deleteClient':
      return servers.deleteClient(serverOf(id, instance), clientOf(given(act.client, 'client'), instance))
    case 'deleteMember':
      return members.deleteMember(memberIdOf(id, instance))
    case 'deleteSubsystem':
      return members.deleteSubsystem(subsystemIdOf(id, instance))
    case 'addSuspension': {
      const kind = given(act.kind, 'kind')
      const subject = subjectOf(kind, id, instance)
      return suspend(transaction, { kind, subject }, q)
    }
    case 'removeExternalAnchor': {
      const [tabled, change] = within(transaction)
      const store = createFederationStore(tabled, change, change)
      return store.remove(id.toLowerCase(), { by: caller.name, at })
    }
    case 'suspendContract':
      return suspend(transaction, { kind: 'contract', subject: subjectOf('contract', id, instance) }, q)
    case 'terminateContract': {
      const [, record] = within(transaction)
      const rows = await versionsOf(transaction, id.toLowerCase())
      const row = rows.find(({ state }) => isPossible(state, 'terminate')) ?? rows.at(-1)
      if (row === undefined) throw noContract(id.toLowerCase())
      const store = createContractStore({ record, notify: tellNobody, announce: tellNobody })
      await store.terminate(row.contract, row.hash, 'foreseen', { by: caller.name, at })
    }
  }
}

async function suspend(
  transaction: Kysely<RegisterTables>,
  of: { kind: SuspendedKind; subject: string },
  { caller: { id, name }, maker, at }: Q,
): Promise<void> {
  const contracts = createSuspendableContracts(tellNobody)
  const store = createSuspensionStore(...within(transaction), { contracts, tell: tellNobody })
  await store.suspend({ ...of, reason: 'foreseen', maker }, { by: { id, name }, words: name, at })
}

const tellNobody = async (): Promise<void> => undefined

function given<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new Fault('invalid_input', { what: `${name} is needed for this act` })
  return value
}

function numberOf(id: string): number {
  if (!/^[1-9][0-9]{0,14}$/.test(id)) throw new Fault('invalid_input', { what: 'the id is a number' })
  return Number(id)
}
