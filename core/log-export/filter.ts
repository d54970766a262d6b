/** The filter of an export, as `GET /message-log/records` has it, over a row that is shown and over a leaf form that is not. */
import type { LeafFields } from '#core/merkle/leaf-form.ts'
import type { FoundRecord, RecordQuestion } from '#schemas/found-record.ts'
import type { AskedActors } from './actors.ts'

export type ExportFilter = Omit<RecordQuestion, 'userTerm' | 'representedPartyTerm'> &
  AskedActors & {
    /** The id of a search by person: what it found nobody else can tell, so it proves of no record that it was rightly left out. */
    subjectSearch?: string
  }

const FINE: readonly string[] = ['', 'ok']
const EQUAL = {
  queryId: 'queryId',
  requestId: 'requestId',
  clientId: 'clientId',
  serviceId: 'serviceId',
  peerId: 'peer',
} as const

/** Whether the row fits all of the filter but for user id and represented party, which rows do not show: `isOfActors`. */
export function fits(filter: ExportFilter, row: FoundRecord): boolean {
  const { partyId } = filter
  const isParty =
    partyId === undefined ||
    row.clientId === partyId ||
    [row.clientId, row.serviceId].some((id) => id?.startsWith(`${partyId}:`))
  const isEqual = Object.entries(EQUAL).every(([asked, name]) => {
    const value = filter[asked as keyof typeof EQUAL]
    return value === undefined || row[name] === value
  })
  return isParty && isEqual && mayFit(filter, row)
}

/**
 * Whether what a leaf form says openly leaves room for the filter: false proves that the record was rightly left out. Parties
 * and ids are only committed to in a form.
 */
export function mayFit(
  filter: ExportFilter,
  {
    kind,
    direction,
    outcome,
    time,
  }: Pick<LeafFields, 'outcome' | 'time'> & { kind: string; direction: string },
): boolean {
  const { failed, from, to } = filter
  return (
    // Records of the log about itself are found by no search.
    direction !== '' &&
    (filter.kind === undefined || kind === filter.kind) &&
    (filter.direction === undefined || direction === filter.direction) &&
    (filter.outcome === undefined || outcome === filter.outcome) &&
    (failed === undefined || FINE.includes(outcome) !== failed) &&
    (from === undefined || Date.parse(time) >= Date.parse(from)) &&
    (to === undefined || Date.parse(time) < Date.parse(to))
  )
}
