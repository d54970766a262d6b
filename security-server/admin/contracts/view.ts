/** A contract as people see it on a server: its state, what it waits for, when it ends. */
import { namedConsumers } from '#core/contract/parties.ts'
import type { Agreement } from '../../global-configuration/contracts/store.ts'
import type { KeptContract } from '../../global-configuration/contracts/verify-contract.ts'
import type { AdminRooms } from '../rooms.ts'

const DAY_MS = 86_400_000

export function contractView(
  { listed, content, joined }: KeptContract,
  { clock }: Pick<AdminRooms, 'clock'>,
  agreements: Agreement[],
): object {
  const left = Date.parse(content.validUntil) - clock()
  const inForce = listed.state === 'ACTIVE' || listed.state === 'SUSPENDED'
  return {
    contract: listed.contract,
    version: listed.version,
    contentHash: listed.hash,
    state: listed.state,
    ...(listed.reason === undefined ? {} : { reason: listed.reason }),
    title: content.title,
    provider: content.provider,
    consumers: [...namedConsumers(content), ...joined],
    personalData: content.personalData,
    critical: content.critical,
    secret: content.secret !== undefined,
    validFrom: content.validFrom,
    validUntil: content.validUntil,
    endsInDays: Math.ceil(left / DAY_MS),
    overdue: inForce && left <= 0,
    waitsFor: listed.waitsFor,
    // Who agreed and waits for a second person.
    agreements: agreements.map(({ member, key_name, agreed_at }) => ({
      member,
      by: key_name,
      at: agreed_at,
    })),
  }
}
