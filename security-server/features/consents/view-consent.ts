/** A consent as its person sees it. */
import type { ConsentDocument } from '#core/consent/document.ts'
import type { Consent, ConsentDemand } from '#schemas/consents.ts'
import { idText } from '#schemas/identifiers.ts'
import { partyOf } from './demands.ts'
import type { ConsentRooms } from './rooms.ts'
import { stateOf } from './state-of.ts'
import type { ConsentRow } from './tables.ts'

export function documentOf({ document }: Pick<ConsentRow, 'document'>): ConsentDocument {
  return JSON.parse(document) as ConsentDocument
}

export function consentView(
  row: ConsentRow,
  rooms: Pick<ConsentRooms, 'globalConfiguration' | 'clock' | 'server'>,
): Consent {
  const { proof, shown, givenRecord, byRepresentative, representative, presentation } = documentOf(row)
  const { withdrawn_at: withdrawnAt, withdrawn_record: withdrawn, last_use: last } = row
  return {
    number: row.number,
    keptAt: idText(rooms.server),
    state: stateOf(row, rooms.clock()),
    digest: row.digest,
    client: partyOf(row.client, rooms),
    agreed: JSON.parse(row.agreed) as ConsentDemand,
    kind: row.kind,
    givenAt: row.given_at,
    validUntil: row.valid_until,
    ...(withdrawnAt !== null && { withdrawnAt }),
    ...(byRepresentative && { byRepresentative }),
    ...(representative && { mandate: representative.mandate }),
    ...(row.withdrawn_by !== null && { withdrawnByRepresentative: true as const }),
    ...{ proof, shown },
    ...(presentation !== undefined && { presentation }),
    records: { given: givenRecord, ...(withdrawn !== null && { withdrawn }) },
    uses: { count: row.uses, ...(last !== null && { last }) },
  }
}
