/**
 * Rules for restored registers: when a register counts as restored, what two administrators accept, and which
 * numbers others have seen; pure.
 */

import { createHash } from 'node:crypto'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { Time, Whole } from '#schemas/sent-values.ts'
import type { Reach } from '../../configuration/restored-store.ts'
import { type Standing, type TakenAway, takenAwayHash } from './taken-away.ts'

/** What another machine says about the newest index; `counts` is false for an index that cannot be true. */
type Claim = { source: string; kind: 'node' | 'server'; index: Whole; counts: boolean }

/** What a restored register has recorded about itself. */
export type Restored = Reach & {
  /** SHA-256 of the backup; null for a database that was restored by other means. */
  backup: string | null
  instance: string | null
  /** When its newest configuration was published. */
  publishedAt: Time | null
  /** The number of records in the audit log when the transparency log last recorded it. */
  auditRecords: Whole
}

/**
 * A person who may log in again, or a key that would work again, although that may have been revoked after
 * the backup.
 */
type BackPerson = {
  id: string
  name: string
  roles: string[]
  state: string
  lastLoginAt: Time | null
}
export type BackKey = {
  id: string
  name: string
  roles: string[]
  createdAt: Time
  expiresAt: Time | null
  createdBy: string | null
}
export type ComesBack = { people: BackPerson[]; apiKeys: BackKey[] }

/** What two administrators see before they accept. */
export type Waiting = {
  restored: Restored
  known: Reach
  claims: Claim[]
  comesBack: ComesBack
  /** What was taken away after the backup, according to this node's memory. */
  takenAway: TakenAway
  /** Who is suspended and what is trusted in the restored register. */
  standing: Standing
  content: string
  contentSha256: string
}

/**
 * The keys that are revoked with the acceptance: all except those in `kept`, and the key that accepts where
 * nobody can log in. Throws `invalid_input` for a kept key that does not exist.
 */
export function endingKeys(keys: readonly BackKey[], kept: readonly string[], accepting?: string): string[] {
  const stranger = kept.find((id) => !keys.some((key) => key.id === id))
  if (stranger !== undefined)
    throw new Fault('invalid_input', { what: say`no API key that comes back has the id ${stranger}` })
  return keys.map(({ id }) => id).filter((id) => !kept.includes(id) && id !== accepting)
}

/** What is allowed before the acceptance: to accept, to let administrators in, and to revoke access. */
export const WHILE_WAITING: ReadonlySet<string> = new Set([
  ...['acceptRestoredRegistry', 'approveProposal', 'rejectProposal', 'withdrawProposal'],
  // No passkey comes back, and the acceptance may need one of each of the two.
  ...['addPasskey', 'givePasskeyCode', 'removePasskey', 'removePasskeyOf'],
  ...['redeemInstallationCode', 'closeInstallation', 'lockPerson', 'revokeApiKey', 'lockSigningToken'],
  // Without its token the registry could not sign its next publication.
  'giveSigningTokenPinPart',
])

/**
 * More indexes than a registry publishes in thirty years at one a second; a server that claims more is
 * mistaken or lies.
 */
const MOST_AHEAD = 1_000_000_000

/**
 * Whether this node has published more than the register knows. `accepted` are the numbers of the last
 * acceptance, `marks` those of this node.
 */
export function isBehind(restored: Reach, accepted: Reach, marks: Reach): boolean {
  const least = highest([restored, accepted])
  return (
    least.index < marks.index || least.suspensionList < marks.suspensionList || least.leaves < marks.leaves
  )
}

export function highest(reaches: Reach[]): Reach {
  const most = (of: (reach: Reach) => number): number => Math.max(0, ...reaches.map(of))
  return {
    index: most(({ index }) => index),
    suspensionList: most(({ suspensionList }) => suspensionList),
    leaves: most(({ leaves }) => leaves),
  }
}

export function judged(claim: Omit<Claim, 'counts'>, known: Reach): Claim {
  return { ...claim, counts: claim.index <= known.index + MOST_AHEAD }
}

/** The highest index of these that counts, or `least`. */
export function highestOf(claims: readonly Claim[], least: number): number {
  return claims.reduce((most, { counts, index }) => (counts && index > most ? index : most), least)
}

/** Those to show: the highest that count come first, so that no number of lies hides them. */
export function mostTelling(claims: readonly Claim[], most: number): Claim[] {
  return [...claims].sort((a, b) => Number(b.counts) - Number(a.counts) || b.index - a.index).slice(0, most)
}

/**
 * The exact text that is accepted by its hash. `proved` is what this node and other nodes have published.
 * What servers report is no part of it: nothing proves that, and a member whose servers report ever more
 * would keep the register closed. The register goes on above it.
 */
export function contentOf(
  restored: Restored,
  proved: Reach,
  { people, apiKeys }: ComesBack,
  taken: { of: TakenAway; standing: Standing },
): string {
  const { backup, instance, publishedAt, auditRecords, index, suspensionList, leaves } = restored
  return canonicalJson({
    ...{ backup, instance },
    restored: { index, suspensionList, leaves, publishedAt, auditRecords },
    known: proved,
    // Only a hash of people and keys, because names of people must not be kept in logs for ever.
    comesBack: { people: people.length, apiKeys: apiKeys.length, sha256: accessHash({ people, apiKeys }) },
    takenAway: {
      ...{ suspended: taken.of.suspended.length, trust: taken.of.trust.length },
      sha256: takenAwayHash(taken.of, taken.standing),
    },
  })
}

/** The last login is left out, because the two who accept log in. */
function accessHash({ people, apiKeys }: ComesBack): string {
  const content = {
    people: people.map(({ id, name, roles, state }) => ({ id, name, roles, state })),
    apiKeys: apiKeys.map(({ id, name, roles }) => ({ id, name, roles })),
  }
  return createHash('sha256').update(canonicalJson(content)).digest('hex')
}

/** How much is lost for good, according to what others have seen. */
export function lossOf(restored: Reach, known: Reach): Reach {
  return {
    index: known.index - restored.index,
    suspensionList: known.suspensionList - restored.suspensionList,
    leaves: known.leaves - restored.leaves,
  }
}
