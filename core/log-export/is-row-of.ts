/** Whether a row agrees with its record about parties and ids, which no leaf form shows. */
import { searchedEndpoint } from '#core/circumstances/searched.ts'
import type { Circumstances } from '#schemas/circumstances.ts'
import type { FoundRecord } from '#schemas/found-record.ts'

/**
 * `metadata`: as covered by the record's commitment to its parties. `held`: the circumstances that they name,
 * if shown.
 */
export function isRowOf(row: FoundRecord, metadata: unknown, held: Circumstances | undefined): boolean {
  const said = metadata as Record<string, unknown>
  return (
    row.queryId === said['id'] &&
    row.requestId === said['requestId'] &&
    row.clientId === colons(said['client']) &&
    row.serviceId === colons(said['service']) &&
    row.peer === colons(said['peer']) &&
    row.answers === (said['answers'] ?? null) &&
    (held === undefined || row.purpose === undefined || saysWhatHeld(row, held))
  )
}

function saysWhatHeld({ purpose, endpoint }: FoundRecord, held: Circumstances): boolean {
  return purpose === (held.contract?.purpose ?? null) && (endpoint ?? '') === searchedEndpoint(held)
}

/** An identifier with colons, as rows have it; null if there is none. */
export function colons(id: unknown): string | null {
  return typeof id === 'string' && id !== '' ? id.split('/').map(decodeURIComponent).join(':') : null
}
