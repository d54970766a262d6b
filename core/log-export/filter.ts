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
  purpose: 'purpose',
  endpoint: 'endpoint',
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
  return isParty && isEqual && mayFit(filter, { ...row, contract: row.contract ?? '' })
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
    contract,
  }: Pick<LeafFields, 'outcome' | 'time' | 'contract'> & { kind: string; direction: string },
): boolean {
  const { failed, from, to } = filter
  return (
    // Records of the log about itself are found by no search.
    direction !== '' &&
    (filter.kind === undefined || kind === filter.kind) &&
    (filter.direction === undefined || direction === filter.direction) &&
    (filter.outcome === undefined || outcome === filter.outcome) &&
    isUnder(filter.contract, contract) &&
    // A purpose is that of a contract.
    (filter.purpose === undefined || contract !== '') &&
    (failed === undefined || FINE.includes(outcome) !== failed) &&
    (from === undefined || Date.parse(time) >= Date.parse(from)) &&
    (to === undefined || Date.parse(time) < Date.parse(to))
  )
}

/** `asked` with or without its version. */
function isUnder(asked: string | undefined, contract: string): boolean {
  if (asked === undefined) return true
  return asked.includes('/') ? contract === asked : contract.startsWith(`${asked}/`)
}
