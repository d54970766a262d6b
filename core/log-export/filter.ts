/**
 * The filter of an export, as in `GET /message-log/records`, applied to shown rows and to leaf forms of
 * records that are not shown.
 */
import type { LeafFields } from '#core/merkle/leaf-form.ts'
import type { FoundRecord, RecordQuestion } from '#schemas/found-record.ts'
import { isUpkeepService } from '#schemas/upkeep-services.ts'
import type { AskedActors } from './actors.ts'

export type ExportFilter = Omit<RecordQuestion, 'userTerm' | 'representedPartyTerm'> &
  AskedActors & {
    /**
     * The id of a search by person. Nobody else can repeat that search, so it never proves that a record was
     * rightly left out.
     */
    subjectSearch?: string
    /** The subsystem that the registry was asked at when it was ordered, for `upkeep`. */
    managementId?: string
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

/**
 * Whether the row matches the filter, except for user id and represented party, which rows do not contain:
 * see `isOfActors`.
 */
export function fits(filter: ExportFilter, row: FoundRecord): boolean {
  const { partyId, upkeep, managementId } = filter
  const isParty =
    partyId === undefined ||
    row.clientId === partyId ||
    [row.clientId, row.serviceId].some((id) => id?.startsWith(`${partyId}:`))
  const isEqual = Object.entries(EQUAL).every(([asked, name]) => {
    const value = filter[asked as keyof typeof EQUAL]
    return value === undefined || row[name] === value
  })
  const isAsked = upkeep === undefined || isUpkeepService(row.serviceId ?? '', managementId) === upkeep
  return isParty && isEqual && isAsked && mayFit(filter, { ...row, contract: row.contract ?? '' })
}

/**
 * Whether the public members of a leaf form allow a match with the filter; false proves that the record was
 * rightly left out. A form only has commitments to parties and ids.
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
    // No search finds records of the log about itself.
    direction !== '' &&
    (filter.kind === undefined || kind === filter.kind) &&
    (filter.direction === undefined || direction === filter.direction) &&
    (filter.outcome === undefined || outcome === filter.outcome) &&
    isUnder(filter.contract, contract) &&
    // Only contracts have purposes.
    (filter.purpose === undefined || contract !== '') &&
    (failed === undefined || FINE.includes(outcome) !== failed) &&
    (from === undefined || Date.parse(time) >= Date.parse(from)) &&
    (to === undefined || Date.parse(time) < Date.parse(to))
  )
}

/** `asked` may have a version or not. */
function isUnder(asked: string | undefined, contract: string): boolean {
  if (asked === undefined) return true
  return asked.includes('/') ? contract === asked : contract.startsWith(`${asked}/`)
}
