/** The report of an import, and its rows as a list in one order: what asks for attention first, then what is taken; pure. */
import { encodeSegment } from '#schemas/identifiers.ts'
import type { Finding } from './notes.ts'

export type Report = {
  taken: Record<string, object[]>
  notTaken: Finding[]
  differs: Finding[]
  missingCertificates: { server: string; sha256: string }[]
}

/** `id` is its place in the whole report, `part` names the list that it comes from. */
type ReportRow = { id: number; part: string; what: string; why: string }

/** What names a row of each list that is taken, and what is said of it beside. */
const TAKEN: Record<string, [what: string, why: string]> = {
  parameters: ['name', 'value'],
  classes: ['code', 'description'],
  members: ['id', 'name'],
  subsystems: ['id', 'name'],
  groups: ['code', 'description'],
  groupMembers: ['client', 'group_code'],
  servers: ['id', 'address'],
  clients: ['client', 'server'],
  certificates: ['server', 'sha256'],
  services: ['name', 'profile'],
  intermediates: ['sha256', 'of'],
  timestampingServices: ['name', 'url'],
}

/** The rows of one part, or of all; `q` is looked for in them, ids may be written with colons. */
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
    ...Object.entries(TAKEN).flatMap(([name, [what, why]]) =>
      (taken[name] ?? []).map((row) => ({ part: name, what: wordOf(row, what), why: wordOf(row, why) })),
    ),
  ]
  // Ids stand in their text form, people write them with colons too.
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
