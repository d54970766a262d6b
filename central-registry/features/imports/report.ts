/** The report of an import as one sorted list: first what needs attention, then what is added; pure. */
import { encodeSegment } from '#schemas/identifiers.ts'
import type { Whole } from '#schemas/sent-values.ts'
import type { Finding } from './notes.ts'
import type { ReadableTake } from './plan.ts'

export type Report = {
  /** By the list: one that an older version wrote may lack some. */
  taken: Partial<ReadableTake>
  notTaken: Finding[]
  differs: Finding[]
  missingCertificates: { server: string; sha256: string }[]
}

/** `id` is the row's position in the whole report, `part` the list that it comes from. */
type ReportRow = { id: Whole; part: string; what: string; why: string }

/** For each list of added rows, the column that identifies a row and a column that describes it. */
const TAKEN: [part: keyof ReadableTake, what: string, why: string][] = [
  ['parameters', 'name', 'value'],
  ['classes', 'code', 'description'],
  ['members', 'id', 'name'],
  ['subsystems', 'id', 'name'],
  ['groups', 'code', 'description'],
  ['groupMembers', 'client', 'group_code'],
  ['servers', 'id', 'address'],
  ['clients', 'client', 'server'],
  ['certificates', 'server', 'sha256'],
  ['services', 'name', 'profile'],
  ['intermediates', 'sha256', 'of'],
  ['timestampingServices', 'name', 'url'],
]

/** The rows of one part, or of all, that contain `q`; ids in `q` may have colons. */
export function rowsOf(
  report: Report,
  { part, q = '' }: { part?: string; q?: string | undefined },
): ReportRow[] {
  const { notTaken, differs, missingCertificates, taken } = report
  const all = [
    ...notTaken.map((one) => ({ part: 'notTaken', ...one })),
    ...differs.map((one) => ({ part: 'differs', ...one })),
    ...missingCertificates.map(({ server, sha256 }) => ({
      ...{ part: 'missingCertificates', what: server, why: sha256 },
    })),
    ...TAKEN.flatMap(([part, what, why]) =>
      ((taken[part] ?? []) as object[]).map((row) => ({
        ...{ part, what: wordOf(row, what), why: wordOf(row, why) },
      })),
    ),
  ]
  // The report has ids in their text form; people also write them with colons.
  const inId = q.split(/[:/]/).map(encodeSegment).join('/')
  const wanted = [q, inId].map((one) => one.toLowerCase())
  return all
    .map((row, at) => ({ id: at + 1, ...row }))
    .filter((row) => {
      if (part !== undefined && row.part !== part) return false
      const said = `${row.what}\n${row.why}`.toLowerCase()
      return wanted.some((one) => said.includes(one))
    })
}

function wordOf(row: object, name: string): string {
  const value = (row as Record<string, unknown>)[name]
  return value === undefined || value === null ? '' : String(value)
}
