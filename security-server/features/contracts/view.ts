/** A contract as people see it on a server: its state, what it waits for, when it ends. */
import { groupOf, namedConsumers } from '#core/contract/parties.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import type { ContractContent } from '#schemas/contract.ts'
import type { Whole } from '#schemas/sent-values.ts'
import type { Agreement, Ending } from '../../global-configuration/contracts/store.ts'
import type { KeptContract } from '../../global-configuration/contracts/verify-contract.ts'
import { endingView } from './end.ts'
import { type CanSign, contactsOf, partiesHere, waitsHere } from './find.ts'

const DAY_MS = 86_400_000

export function contractView(
  kept: KeptContract,
  { agreements, endings }: { agreements: Agreement[]; endings: Ending[] },
  q: {
    now: number
    caller: Pick<Caller, 'id'>
    canSign: CanSign
    isSuspended(content: ContractContent): boolean
  },
) {
  const { listed, content, joined } = kept
  const left = Date.parse(content.validUntil) - q.now
  const inForce = listed.state === 'ACTIVE' || listed.state === 'SUSPENDED'
  return {
    contract: listed.contract,
    version: listed.version,
    contentHash: listed.hash,
    state: listed.state,
    ...(listed.reason === undefined ? {} : { reason: listed.reason }),
    ...(listed.proposedBy === undefined ? {} : { proposedBy: listed.proposedBy }),
    ...(listed.proposedAt === undefined ? {} : { proposedAt: listed.proposedAt }),
    ...(listed.changedAt === undefined ? {} : { changedAt: listed.changedAt }),
    ...(listed.inForceAt === undefined ? {} : { inForceAt: listed.inForceAt }),
    // A suspension continues after the contract has ended.
    suspended: q.isSuspended(content),
    title: content.title,
    provider: content.provider,
    services: content.services.map(({ serviceCode }) => serviceCode),
    ...groupView(content),
    consumers: [...namedConsumers(content), ...joined],
    personalData: content.personalData,
    critical: content.critical,
    secret: content.secret !== undefined,
    validFrom: content.validFrom,
    validUntil: content.validUntil,
    endsInDays: Math.ceil(left / DAY_MS) as Whole,
    overdue: inForce && left <= 0,
    waitsFor: listed.waitsFor,
    // The registry supplies the states of contacts. An older registry sends none.
    ...(listed.contacts === undefined ? {} : { contacts: contactsOf(kept, q.canSign) }),
    // If the instance requires a confirmed contact on each side: the sides that have none yet.
    ...(listed.contactsMissing === undefined ? {} : { contactsMissing: listed.contactsMissing }),
    // Members with a signing key here: those that still have to seal the contract, and those that are
    // parties.
    waitsHere: waitsHere(kept, q.canSign),
    partiesHere: partiesHere(kept, q.canSign),
    // People who want to end the contract and wait for a second person.
    endings: endings.filter(({ hash }) => hash === listed.hash).map((one) => endingView(one, q.caller)),
    // People who agreed to the contract and wait for a second person.
    agreements: agreements
      .filter(({ hash }) => hash === listed.hash)
      .map(({ member, key_id, key_name, subsystems, agreed_at }) => ({
        member,
        by: key_name,
        byYou: key_id === q.caller.id,
        at: agreed_at,
        ...(subsystems === null ? {} : { subsystems: JSON.parse(subsystems) as string[] }),
      })),
  }
}

function groupView(content: ContractContent): { globalGroup?: string } {
  const globalGroup = groupOf(content)
  return globalGroup === undefined ? {} : { globalGroup }
}
