/** The state of a consent at a time. Pure. */
import type { ConsentState } from '#schemas/consents.ts'
import type { ConsentRow } from './tables.ts'

type Row = Pick<ConsentRow, 'withdrawn_at' | 'kind' | 'uses' | 'valid_until'>

export function stateOf(row: Row, now: number): ConsentState {
  if (row.withdrawn_at !== null) return 'WITHDRAWN'
  if (row.kind === 'once' && row.uses > 0) return 'USED_UP'
  return Date.parse(row.valid_until) > now ? 'ACTIVE' : 'EXPIRED'
}
