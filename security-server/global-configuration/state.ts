/** The state of this room for administrators, health checks and metrics. */
import type { FaultCode } from '#schemas/fault.ts'
import type { Said } from '#schemas/said.ts'
import type { Whole } from '#schemas/sent-values.ts'
import type { InstanceCopy } from './instance-copy.ts'
import type { KeptSuspensionList } from './kept-suspension-lists.ts'
import type { RegistryViewState } from './registry-view.ts'
import { endOf } from './snapshot.ts'

export type AnchorSummary = {
  /** SHA-224 as X-Road shows it, "AA:BB:..". */
  hash: string
  instance: string
  generatedAt: Date
  /** Where the configuration is fetched from. */
  addresses: string[]
}

type InstanceState = {
  instance: string
  /** The version of the format, 2 to 6. */
  version: Whole
  expiresAt: Date
  isExpired: boolean
  /**
   * Until when contracts that grant an outage grace may go on; undefined where the instance publishes none.
   */
  graceUntil: Date | undefined
  /** The location; undefined for a copy that was read from disk at the start. */
  source: string | undefined
  statementIndex: Whole | undefined
  /** Undefined when the instance has none, or none came yet. */
  suspensionList: { number: number; issuedAt: Date; expiresAt: Date; suspended: number } | undefined
  hasSuspensionList: boolean
  warnings: string[]
}

export type ConfigurationState = {
  anchor: AnchorSummary | undefined
  attempt: {
    lastAttempt: Date | undefined
    lastSuccess: Date | undefined
    /** The fault of the last attempt; undefined after a success. */
    lastError: { code: FaultCode; message: Said; detail: string; at: Date } | undefined
  }
  own: InstanceState | undefined
  federated: InstanceState[]
  /** Allowed instances of which no configuration has been accepted yet. */
  federatedMissing: string[]
  /** What other servers know of our registry, and contradictions in it. */
  registry: RegistryViewState
}

export function describeState(q: {
  anchor: AnchorSummary | undefined
  attempt: ConfigurationState['attempt']
  copies: InstanceCopy[]
  federatedMissing: string[]
  listOf(instance: string): KeptSuspensionList | undefined
  registry: RegistryViewState
  now: number
}): ConfigurationState {
  const [own, ...federated] = q.copies.map((copy) => ({
    instance: copy.instance,
    version: copy.directory.version,
    expiresAt: copy.expiresAt,
    isExpired: copy.expiresAt.getTime() <= q.now,
    graceUntil: graceUntil(copy, q.listOf(copy.instance)),
    source: copy.url,
    statementIndex: copy.statement?.index,
    hasSuspensionList: copy.statement?.hasSuspensionList === true,
    suspensionList: describeList(q.listOf(copy.instance)),
    warnings: copy.index.warnings,
  }))
  return {
    anchor: q.anchor,
    attempt: { ...q.attempt },
    own,
    federated,
    federatedMissing: q.federatedMissing,
    registry: q.registry,
  }
}

function graceUntil(copy: InstanceCopy, held: KeptSuspensionList | undefined): Date | undefined {
  const { at, graceMs } = endOf(copy, held)
  return graceMs === 0 ? undefined : new Date(at + graceMs)
}

function describeList(held: KeptSuspensionList | undefined): InstanceState['suspensionList'] {
  if (held === undefined) return undefined
  const { number, issuedAt, expiresAt, suspended } = held.list
  return {
    ...{ number, issuedAt: new Date(issuedAt), expiresAt: new Date(expiresAt) },
    suspended: suspended.length,
  }
}
