/**
 * What was taken away from the register after a backup of it: suspensions made since, and trust withdrawn since. A restored register
 * does not know; the node's folder does, where one is left. Pure.
 */
import { createHash } from 'node:crypto'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { Fault } from '#schemas/fault.ts'
import type { Suspended } from '#schemas/global-configuration.ts'

export const TRUSTED_KINDS = [
  'certification-service',
  'intermediate',
  'time-stamping-service',
  'anchor',
  'signing-key',
] as const
/** `id` is the SHA-256 of a certificate or anchor, so that the same name with another key is another thing. */
export type Trusted = { kind: (typeof TRUSTED_KINDS)[number]; id: string; name: string }

/** Who is suspended and what is trusted, at some number of the suspension list and index of the configuration. */
export type Standing = { suspensionList: number; index: number; suspended: Suspended[]; trust: Trusted[] }

/** What a node saw last, and when. */
export type Remembered = Standing & { at: string }

export type TakenAway = {
  /** When the node saw the register last that was lost; null when there is nothing newer to compare with. */
  comparedAt: string | null
  /** Suspended since: with the acceptance they are suspended again. */
  suspended: Suspended[]
  /** Withdrawn since: with the acceptance it is withdrawn again, but for what both name. */
  trust: Trusted[]
}

/** What the restored register has lost of that, as far as this node remembers. */
export function takenAwayFrom(restored: Standing, remembered: Remembered | undefined): TakenAway {
  const isNewer =
    remembered !== undefined &&
    (remembered.suspensionList > restored.suspensionList || remembered.index > restored.index)
  if (!isNewer) return { comparedAt: null, suspended: [], trust: [] }
  return {
    comparedAt: remembered.at,
    suspended: without(remembered.suspended, restored.suspended),
    trust: without(restored.trust, remembered.trust),
  }
}

type Named = { kind: string; id: string }

function without<T extends Named>(all: readonly T[], known: readonly Named[]): T[] {
  const names = new Set(known.map(nameOf))
  return all.filter((one) => !names.has(nameOf(one)))
}

const nameOf = ({ kind, id }: Named): string => `${kind} ${id}`

/** Stands in what is accepted: when one of these changes, that is another content. */
export function takenAwayHash(
  taken: TakenAway,
  { suspended, trust }: Pick<Standing, 'suspended' | 'trust'>,
): string {
  return createHash('sha256')
    .update(canonicalJson({ ...taken, standing: { suspended, trust } }))
    .digest('hex')
}

/** What is withdrawn again. Throws `invalid_input` for a kept one that was not withdrawn. */
export function withdrawn({ trust }: TakenAway, kept: readonly string[]): Trusted[] {
  const stranger = kept.find((id) => !trust.some((one) => one.id === id))
  if (stranger !== undefined)
    throw new Fault('invalid_input', { what: `nothing that was withdrawn has the id ${stranger}` })
  return trust.filter(({ id }) => !kept.includes(id))
}

/** For the operator who restores, a line each. */
export function takenAwayInWords({ comparedAt, suspended, trust }: TakenAway): string[] {
  if (comparedAt === null)
    return [
      'nothing newer than the backup lies in the folder: nobody can tell here who was suspended and what trust was withdrawn since',
    ]
  return [
    `compared with what this node saw at ${comparedAt}: ${suspended.length} suspensions made and ${trust.length} trusted things withdrawn since`,
    ...suspended.map(({ kind, id, since }) => `is suspended again: ${kind} ${id}, since ${since}`),
    ...trust.map(({ kind, id, name }) => `was withdrawn, and is back: ${kind} ${name} (${id})`),
  ]
}
