/** Whether a row says of its record what the record itself says: parties and ids, which no leaf form shows. */
import type { FoundRecord } from '#schemas/found-record.ts'

/** `metadata` as the record's commitment to its parties covers it. */
export function isRowOf(row: FoundRecord, metadata: unknown): boolean {
  const said = metadata as Record<string, unknown>
  return (
    row.queryId === said['id'] &&
    row.requestId === said['requestId'] &&
    row.clientId === colons(said['client']) &&
    row.serviceId === colons(said['service']) &&
    row.peer === colons(said['peer']) &&
    row.answers === (said['answers'] ?? null)
  )
}

/** An identifier as rows have it; null for none. */
export function colons(id: unknown): string | null {
  return typeof id === 'string' && id !== '' ? id.split('/').map(decodeURIComponent).join(':') : null
}
