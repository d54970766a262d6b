/**
 * Carries out an act within a transaction, by the store or feature that implements it, so that the act's own
 * rules apply.
 */
import type { Kysely } from 'kysely'
import type { Caller } from '#platform/http-service/caller.ts'
import { Fault } from '#schemas/fault.ts'
import type { SuspendedKind } from '#schemas/global-configuration.ts'
import { say } from '#schemas/said.ts'
import { within } from '../../changes/store.ts'
import { clientOf, memberIdOf, serverOf, subsystemIdOf } from '../../members/rules.ts'
import { createMemberStore } from '../../members/store.ts'
import type { RegisterTables } from '../../register/tables.ts'
import { createServerStore } from '../../servers/store.ts'
import { createTrustStore } from '../../trust/store.ts'

const FORESEEABLE = [
  ...(['deleteCertificationService', 'deleteIntermediateCa', 'deleteTimestampingService'] as const),
  ...(['deleteSecurityServer', 'deleteAuthenticationCertificate', 'deleteClient'] as const),
  ...(['deleteMember', 'deleteSubsystem', 'addSuspension'] as const),
  ...(['suspendContract', 'terminateContract', 'removeExternalAnchor'] as const),
] as const

/** `id`: the id in the operation's path, or the subject of a suspension. */
export type ForeseenAct = {
  operation: (typeof FORESEEABLE)[number]
  id: string
  kind?: SuspendedKind
  sha256?: string
  client?: string
}

type Decision = { by: string; at: string }
type Q = { instance: string; at: string; caller: Caller; maker: string | null }

/** Acts of other features within a transaction that is rolled back; implemented by those features. */
export type ActsOfFeatures = {
  suspensions: {
    suspendUntold(
      transaction: Kysely<RegisterTables>,
      of: { kind: SuspendedKind; id: string; instance: string },
      act: { caller: Caller; maker: string | null; at: string },
    ): Promise<void>
  }
  contracts: {
    terminateUntold(transaction: Kysely<RegisterTables>, contract: string, decision: Decision): Promise<void>
  }
  federation: {
    removeAnchor(transaction: Kysely<RegisterTables>, sha256: string, decision: Decision): Promise<unknown>
  }
}

/** Throws as the act itself. Notifies nobody and asks for no publication. */
export async function perform(
  transaction: Kysely<RegisterTables>,
  act: ForeseenAct,
  q: Q & { features: ActsOfFeatures },
): Promise<void> {
  const { operation, id } = act
  const { instance, at, caller } = q
  const { suspensions, contracts, federation } = q.features
  const decision = { by: caller.name, at }
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
      return servers.deleteServer(serverOf(id, instance), at)
    case 'deleteAuthenticationCertificate':
      return servers.deleteCertificate(serverOf(id, instance), given(act.sha256, 'sha256'))
    case 'deleteClient':
      return servers.deleteClient(serverOf(id, instance), clientOf(given(act.client, 'client'), instance))
    case 'deleteMember':
      return members.deleteMember(memberIdOf(id, instance), at)
    case 'deleteSubsystem':
      return members.deleteSubsystem(subsystemIdOf(id, instance))
    case 'addSuspension':
      return suspensions.suspendUntold(transaction, { kind: given(act.kind, 'kind'), id, instance }, q)
    case 'removeExternalAnchor':
      await federation.removeAnchor(transaction, id.toLowerCase(), decision)
      return
    case 'suspendContract':
      return suspensions.suspendUntold(transaction, { kind: 'contract', id, instance }, q)
    case 'terminateContract':
      return contracts.terminateUntold(transaction, id.toLowerCase(), decision)
  }
}

function given<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new Fault('invalid_input', { what: say`${name} is needed for this act` })
  return value
}

function numberOf(id: string): number {
  if (!/^[1-9][0-9]{0,14}$/.test(id)) throw new Fault('invalid_input', { what: say`the id is a number` })
  return Number(id)
}
