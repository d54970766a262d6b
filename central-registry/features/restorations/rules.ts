/** When a register is one that was put back, what two administrators accept of it, and which numbers others have seen; pure. */

import { createHash } from 'node:crypto'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { Fault } from '#schemas/fault.ts'
import type { Reach } from '../../configuration/restored-store.ts'
import { type Standing, type TakenAway, takenAwayHash } from './taken-away.ts'

/** What somebody outside of the database says of the newest index; `counts` is false for what nobody can have seen. */
type Claim = { source: string; kind: 'node' | 'server'; index: number; counts: boolean }

/** What a restored register says of itself. */
export type Restored = Reach & {
  /** SHA-256 of the backup; null for a database that was put back by other means. */
  backup: string | null
  instance: string | null
  /** When its newest configuration was published. */
  publishedAt: string | null
  /** How many records the audit log had when the transparency log last told. */
  auditRecords: number
}

/** A person who may log in again, or a key that would work again: nobody can say whether that was taken away since. */
type BackPerson = {
  id: string
  name: string
  roles: string[]
  state: string
  lastLoginAt: string | null
}
export type BackKey = {
  id: string
  name: string
  roles: string[]
  createdAt: string
  expiresAt: string | null
  createdBy: string | null
}
export type ComesBack = { people: BackPerson[]; apiKeys: BackKey[] }

/** What two administrators look at before they accept it. */
export type Waiting = {
  restored: Restored
  known: Reach
  claims: Claim[]
  comesBack: ComesBack
  /** What was taken away after the backup, as far as this node remembers. */
  takenAway: TakenAway
  /** Who is suspended and what is trusted in the restored register. */
  standing: Standing
  content: string
  contentSha256: string
}

/**
 * The keys that end with the acceptance: all but those that the two named, and the one that accepts where nobody logs in. Throws
 * `invalid_input` for a named one that does not come back.
 */
export function endingKeys(keys: readonly BackKey[], kept: readonly string[], accepting?: string): string[] {
  const stranger = kept.find((id) => !keys.some((key) => key.id === id))
  if (stranger !== undefined)
    throw new Fault('invalid_input', { what: `no API key that comes back has the id ${stranger}` })
  return keys.map(({ id }) => id).filter((id) => !kept.includes(id) && id !== accepting)
}

/** What may be done before two administrators have accepted what was restored: that, what lets them in, and taking away. */
export const WHILE_WAITING: ReadonlySet<string> = new Set([
  ...['acceptRestoredRegistry', 'approveProposal', 'rejectProposal', 'withdrawProposal'],
  ...['redeemInstallationCode', 'closeInstallation', 'lockPerson', 'revokeApiKey', 'lockSigningToken'],
  // Without its token a registry could not sign what it publishes next.
  'giveSigningTokenPinPart',
])

/** More than a registry publishes in thirty years, one a second: a server that claims more is mistaken or lies. */
const MOST_AHEAD = 1_000_000_000

/** `accepted` is how far what was accepted before has come, `marks` how far this node published. */
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

/** The exact text that is accepted by its hash. What is learnt of others while it waits makes another one. */
export function contentOf(
  restored: Restored,
  known: Reach,
  { people, apiKeys }: ComesBack,
  taken: { of: TakenAway; standing: Standing },
): string {
  const { backup, instance, publishedAt, auditRecords, index, suspensionList, leaves } = restored
  return canonicalJson({
    ...{ backup, instance },
    restored: { index, suspensionList, leaves, publishedAt, auditRecords },
    known,
    // By a hash: names of people have no place in what is kept and logged for ever.
    comesBack: { people: people.length, apiKeys: apiKeys.length, sha256: accessHash({ people, apiKeys }) },
    takenAway: {
      ...{ suspended: taken.of.suspended.length, trust: taken.of.trust.length },
      sha256: takenAwayHash(taken.of, taken.standing),
    },
  })
}

/** When somebody last logged in is no part of it: both who accept do. */
function accessHash({ people, apiKeys }: ComesBack): string {
  const content = {
    people: people.map(({ id, name, roles, state }) => ({ id, name, roles, state })),
    apiKeys: apiKeys.map(({ id, name, roles }) => ({ id, name, roles })),
  }
  return createHash('sha256').update(canonicalJson(content)).digest('hex')
}

/** What is lost for good, as far as others know of it. */
export function lossOf(restored: Reach, known: Reach): Reach {
  return {
    index: known.index - restored.index,
    suspensionList: known.suspensionList - restored.suspensionList,
    leaves: known.leaves - restored.leaves,
  }
}
