/**
 * Finds what was taken away from the register after a backup of it: suspensions made and trust withdrawn
 * since then. The restored register does not know that, but the memory in the node's folder does, if there is
 * one. Pure.
 */
import { createHash } from 'node:crypto'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { Fault } from '#schemas/fault.ts'
import type { Suspended } from '#schemas/global-configuration.ts'
import { say } from '#schemas/said.ts'
import type { Time, Whole } from '#schemas/sent-values.ts'

export const TRUSTED_KINDS = [
  'certification-service',
  'intermediate',
  'time-stamping-service',
  'anchor',
  'credential-issuer',
  'signing-key',
] as const
/**
 * `id` is the SHA-256 of a certificate or anchor, so that the same name with another key does not match; of
 * an issuer of credentials that of an anchor with all for which it is trusted.
 */
export type Trusted = { kind: (typeof TRUSTED_KINDS)[number]; id: string; name: string }

/** A signing key of the registry's own; `certificate` is DER as base64. */
export type SigningKeyKept = {
  id: string
  certificate: string
  signs: boolean
  createdAt: Time
  knownAt: Time | null
  activatedAt: Time | null
}

/**
 * Who is suspended and what is trusted, at this number of the suspension list and index of the configuration.
 */
export type Standing = {
  suspensionList: Whole
  index: Whole
  suspended: Suspended[]
  trust: Trusted[]
  signingKeys: SigningKeyKept[]
}

/** What a node last saw, and when. */
export type Remembered = Standing & { at: string }

export type TakenAway = {
  /**
   * When the node last saw the register that was lost; null when its memory is not newer than the restored
   * register.
   */
  comparedAt: Time | null
  /** Suspended after the backup; the acceptance suspends them again. */
  suspended: Suspended[]
  /**
   * Withdrawn after the backup; the acceptance withdraws it again, except what the two administrators choose
   * to keep.
   */
  trust: Trusted[]
  /**
   * Keys that were made after the backup, and the one that signs since then instead of another: servers may
   * know no others. Those whose private halves are here come back with the acceptance.
   */
  signingKeys: (SigningKeyKept & { isHere: boolean })[]
}

/**
 * What the restored register does not know of that, according to this node's memory. `here`: ids of signing
 * keys.
 */
export function takenAwayFrom(
  restored: Standing,
  remembered: Remembered | undefined,
  here: ReadonlySet<string> = new Set(),
): TakenAway {
  const isNewer =
    remembered !== undefined &&
    (remembered.suspensionList > restored.suspensionList || remembered.index > restored.index)
  if (!isNewer) return { comparedAt: null, suspended: [], trust: [], signingKeys: [] }
  const known = new Map(restored.signingKeys.map((key) => [key.id, key]))
  return {
    comparedAt: remembered.at,
    suspended: without(remembered.suspended, restored.suspended),
    trust: without(restored.trust, remembered.trust),
    signingKeys: remembered.signingKeys
      .filter(({ id, signs }) => !known.has(id) || (signs && known.get(id)?.signs === false))
      .map((key) => ({ ...key, isHere: here.has(key.id) })),
  }
}

/** What the acceptance does with the registry's signing keys. */
export type KeysAfter = {
  back: SigningKeyKept[]
  /** The id of the one that signs from then on; undefined where the register has none. */
  signs: string | undefined
  /** Ids of those that were deleted after the backup. */
  gone: string[]
}

/**
 * `withdrawing` is what is withdrawn again. Throws `conflict` where the key that signs was deleted after the
 * backup, and the one that signed last is not here.
 */
export function keysAfter(
  { signingKeys }: TakenAway,
  restored: Pick<Standing, 'signingKeys'>,
  withdrawing: readonly Trusted[],
): KeysAfter {
  const gone = withdrawing.filter(({ kind }) => kind === 'signing-key').map(({ name }) => name)
  const back = signingKeys.filter(({ isHere }) => isHere).map(({ isHere: _isHere, ...key }) => key)
  const last = signingKeys.find(({ signs }) => signs)
  const present = restored.signingKeys.find(({ signs }) => signs)
  const signs = back.find(({ signs }) => signs) ?? present
  if (signs !== undefined && gone.includes(signs.id))
    throw new Fault('conflict', {
      what: say`the signing key ${signs.id} was deleted after the backup, and ${last?.id ?? '-'}, which signed last, is not in this folder: bring its file here, or keep the deleted one by its SHA-256`,
    })
  return { back, signs: signs?.id, gone }
}

type Named = { kind: string; id: string }

function without<T extends Named>(all: readonly T[], known: readonly Named[]): T[] {
  const names = new Set(known.map(nameOf))
  return all.filter((one) => !names.has(nameOf(one)))
}

const nameOf = ({ kind, id }: Named): string => `${kind} ${id}`

/** This hash is part of the content that is accepted, so a change leads to other content. */
export function takenAwayHash(
  taken: TakenAway,
  { suspended, trust }: Pick<Standing, 'suspended' | 'trust'>,
): string {
  return createHash('sha256')
    .update(canonicalJson({ ...taken, standing: { suspended, trust } }))
    .digest('hex')
}

/** What is withdrawn again. Throws `invalid_input` for an id in `kept` that was not withdrawn. */
export function withdrawn({ trust }: TakenAway, kept: readonly string[]): Trusted[] {
  const stranger = kept.find((id) => !trust.some((one) => one.id === id))
  if (stranger !== undefined)
    throw new Fault('invalid_input', { what: say`nothing that was withdrawn has the id ${stranger}` })
  return trust.filter(({ id }) => !kept.includes(id))
}

/** One line for each, for the operator who restores. */
export function takenAwayInWords({ comparedAt, suspended, trust, signingKeys }: TakenAway): string[] {
  if (comparedAt === null)
    return [
      'nothing newer than the backup lies in the folder: nobody can tell here who was suspended and what trust was withdrawn since',
    ]
  return [
    `compared with what this node saw at ${comparedAt}: ${suspended.length} suspensions made and ${trust.length} trusted things withdrawn since`,
    ...suspended.map(({ kind, id, since }) => `is suspended again: ${kind} ${id}, since ${since}`),
    ...trust.map(({ kind, id, name }) => `was withdrawn, and is back: ${kind} ${name} (${id})`),
    ...signingKeys.map(({ id, signs }) => `${signs ? 'signed last' : 'was made since'}: signing-key ${id}`),
  ]
}
