/** An import in the form of the API, its state in words, and the lists of its report. */
import { Facts } from '../../kit/facts.tsx'
import { Status } from '../../kit/status.tsx'
import { number, type TextKey, text } from '../../kit/text.ts'

export type Import = {
  id: number
  instance: string
  anchorHash: string
  state: 'OPEN' | 'CARRIED_OUT'
  /** When the configuration that was read expires. */
  expiresAt: string
  examinedAt: string
  examinedBy: string
  /** For an open import: after this time it must be read again. */
  carryOutBefore?: string
  carriedOutAt?: string
  carriedOutBy?: string
}

export type WholeImport = Import & {
  contentHash: string
  takes: Record<string, number>
  counts: Record<(typeof LEFT)[number], number>
  /** Absent while the registry has no signing key. */
  announcement?: string
}

/** The lists of what is not taken over, differs or is missing; and of what is taken over. */
export const LEFT = ['notTaken', 'differs', 'missingCertificates'] as const
export const TAKEN = [
  ...(['parameters', 'classes', 'members', 'subsystems', 'groups', 'groupMembers', 'servers'] as const),
  ...(['clients', 'certificates', 'services', 'intermediates', 'timestampingServices'] as const),
] as const

export function partName(part: string): TextKey {
  return `imports.part.${part}` as TextKey
}

export function isTooOld({ state, carryOutBefore }: Import): boolean {
  return state === 'OPEN' && carryOutBefore !== undefined && Date.parse(carryOutBefore) <= Date.now()
}

export function ImportState({ of }: { of: Import }) {
  if (of.state === 'CARRIED_OUT') return <Status tone="good" word="imports.CARRIED_OUT" />
  return isTooOld(of) ? (
    <Status tone="bad" word="imports.tooOld" />
  ) : (
    <Status tone="warn" word="imports.OPEN" />
  )
}

export function titleOf({ instance, id }: Pick<Import, 'instance' | 'id'>): string {
  return text('imports.titled', { instance, number: String(id) })
}

export function importPath(id: number | string): string {
  return `/imports/${id}`
}

function numbersOf({ takes, counts }: WholeImport): [TextKey, string][] {
  const taken = TAKEN.filter((part) => (takes[part] ?? 0) > 0)
  return [
    ...LEFT.map((part): [TextKey, string] => [partName(part), number(counts[part])]),
    ...taken.map((part): [TextKey, string] => [partName(part), number(takes[part] ?? 0)]),
  ]
}

/** The import in numbers: what needs attention, and what is taken over. */
export function Numbers({ of }: { of: WholeImport }) {
  return <Facts of={numbersOf(of)} />
}

/** The same in a few lines, for a dialog. */
export function NumbersInBrief({ of }: { of: WholeImport }) {
  return (
    <p>
      {numbersOf(of)
        .map(([part, count]) => `${text(part)}: ${count}`)
        .join('; ')}
      .
    </p>
  )
}
