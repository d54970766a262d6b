/** An import as the API tells it, its state in words, and the lists that its report has. */
import { Facts } from '../../kit/facts.tsx'
import { Status } from '../../kit/status.tsx'
import { number, type TextKey, text } from '../../kit/text.ts'

export type Import = {
  id: number
  instance: string
  anchorHash: string
  state: 'OPEN' | 'CARRIED_OUT'
  /** Of the configuration that was read. */
  expiresAt: string
  examinedAt: string
  examinedBy: string
  /** Of an open one: later than this it has to be read again. */
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

/** What is not taken, what differs, what is missing; and what is taken. */
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

/** In numbers: what asks for a look, and what it takes. */
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
