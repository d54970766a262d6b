/** A contract as people see it on a server: its state, what it waits for, when it ends. */
import { groupOf, namedConsumers } from '#core/contract/parties.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import type { ContractContent } from '#schemas/contract.ts'
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
): object {
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
    // A suspension outlives the end of what it stopped.
    suspended: q.isSuspended(content),
    title: content.title,
    provider: content.provider,
    ...groupView(content),
    consumers: [...namedConsumers(content), ...joined],
    personalData: content.personalData,
    critical: content.critical,
    secret: content.secret !== undefined,
    validFrom: content.validFrom,
    validUntil: content.validUntil,
    endsInDays: Math.ceil(left / DAY_MS),
    overdue: inForce && left <= 0,
    waitsFor: listed.waitsFor,
    // Of the registry's word; a list of an older one says nothing of them.
    ...(listed.contacts === undefined ? {} : { contacts: contactsOf(kept, q.canSign) }),
    // The sides without a confirmed contact, where the instance wants one before it comes into force.
    ...(listed.contactsMissing === undefined ? {} : { contactsMissing: listed.contactsMissing }),
    // Members of this server: which of them still has to seal it, and which are parties.
    waitsHere: waitsHere(kept, q.canSign),
    partiesHere: partiesHere(kept, q.canSign),
    // Who wants to end it and waits for a second person.
    endings: endings.filter(({ hash }) => hash === listed.hash).map((one) => endingView(one, q.caller)),
    // Who agreed and waits for a second person.
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
