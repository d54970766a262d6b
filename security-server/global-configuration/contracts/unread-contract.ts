/**
 * A contract that this server cannot read, since its parties agreed on more than this version knows: as far
 * as calls have to be refused under it. Guarantees that a server which was not updated lets nothing pass that
 * the others judge by the whole contract. Pure.
 */
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import { type ContractEndpoint, checkEndpoint } from '#core/contract/endpoints.ts'
import { fieldsOf, integer, isoTime, list, oneOf, type Read } from '#core/contract/fields.ts'
import { code, memberId, subsystemId } from '#core/contract/read-content.ts'
import type { ContractContent, ContractSeal, ListedContract } from '#schemas/contract.ts'
import { Fault } from '#schemas/fault.ts'
import { hasHash, readContentBytes } from './verify-contract.ts'

/** A listed contract that was not taken; `bytes` are its content, where the registry gave any. */
export type RefusedItem = { listed: ListedContract; bytes: Buffer | undefined; seals: ContractSeal[] }

export type UnreadContract = Pick<
  ContractContent,
  'provider' | 'consumers' | 'logLevel' | 'retentionDays'
> & {
  services: { serviceCode: string; endpoints: ContractEndpoint[] }[]
  joined: string[]
  /** Whether it wants consents or previews of people, whatever else it says of them. */
  isDemanding: boolean
  secret?: { visibleTo: string[] }
  /** Of a time that cannot be read: always. */
  from: number
  until: number
}

const EVERYTHING: ContractEndpoint[] = [{ method: '*', path: '**' }]

const service: Read<UnreadContract['services'][number]> = (value, at) => {
  const { serviceCode, endpoints } = fieldsOf(value, at)
  const endpoint: Read<ContractEndpoint> = (one, place) => {
    const { method, path } = fieldsOf(one, place)
    return checkEndpoint({ method: String(method), path: String(path) }, place)
  }
  return {
    serviceCode: code(serviceCode, at),
    endpoints: ifReadable(list(endpoint, 1, 100), endpoints) ?? EVERYTHING,
  }
}

const consumers: Read<ContractContent['consumers']> = (value, at) => {
  const { globalGroup, subsystems } = fieldsOf(value, at)
  return globalGroup === undefined
    ? { subsystems: list(subsystemId, 1, 50)(subsystems, at) }
    : { globalGroup: code(globalGroup, at) }
}

/**
 * Undefined for what does not have the listed hash, does not say whose calls it is about, or was not taken
 * for another reason.
 */
export function readUnread({ listed, bytes, seals }: RefusedItem): UnreadContract | undefined {
  if (bytes === undefined || !hasHash(bytes, listed.hash)) return undefined
  if (ifReadable(() => readContentBytes(bytes, listed.hash), bytes) !== undefined) return undefined
  return ifReadable<UnreadContract>((value, at) => {
    const given = fieldsOf(parseStrictJson(value as Buffer), at)
    if (given['contract'] !== listed.contract || given['version'] !== listed.version)
      throw new Fault('invalid_contract', { what: 'its content is of another contract than listed' })
    const visibleTo = (): unknown => fieldsOf(given['secret'], at)['visibleTo']
    return {
      provider: subsystemId(given['provider'], at),
      consumers: consumers(given['consumers'], at),
      services: list(service, 1, 50)(given['services'], at),
      logLevel: oneOf(['full', 'digest', 'none'] as const)(given['logLevel'], at),
      retentionDays: integer(1, 36_600)(given['retentionDays'], at),
      joined: seals.flatMap(({ hash, subsystems = [] }) => (hash === listed.hash ? subsystems : [])),
      isDemanding: given['consent'] !== undefined || given['preview'] !== undefined,
      ...(given['secret'] !== undefined && {
        secret: { visibleTo: ifReadable((_, place) => list(memberId, 0, 20)(visibleTo(), place), at) ?? [] },
      }),
      from: Date.parse(ifReadable(isoTime, given['validFrom']) ?? new Date(0).toISOString()),
      until:
        given['critical'] === false
          ? Date.parse(ifReadable(isoTime, given['validUntil']) ?? '') || Number.POSITIVE_INFINITY
          : Number.POSITIVE_INFINITY,
    }
  }, bytes)
}

function ifReadable<T>(read: Read<T>, value: unknown): T | undefined {
  try {
    return read(value, 'contract')
  } catch {
    return undefined
  }
}
