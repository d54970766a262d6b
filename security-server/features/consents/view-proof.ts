/**
 * How a consent was proven, for auditors: what was verified when it was given, without the person; and the
 * saved consent, with them.
 */

import type { AcceptedRecord } from '#core/presentation/record.ts'
import { verifyRequest } from '#core/presentation/verify-request.ts'
import type { ConsentCheck } from '#schemas/consents.ts'
import type { ListedIssuers } from '#schemas/trusted-issuer.ts'
import type { ConsentRooms } from './rooms.ts'
import type { ConsentRow } from './tables.ts'
import { documentOf } from './view-consent.ts'

/** The form of a saved consent, which `concordat verify` judges. */
const SAVED_FORM = 'concordat-consent/1'

export async function proofOf(row: ConsentRow, rooms: Pick<ConsentRooms, 'presentations' | 'store'>) {
  if (row.presentation === null) return undefined
  const text = await rooms.presentations.open(row.number, row.presentation)
  const record = JSON.parse(text) as AcceptedRecord
  const { clientId, transactionData } = verifyRequest(record.request, undefined)
  const document = documentOf(row)
  const { attested, issuedBy, trustedIssuers } = document
  const proof: ConsentCheck = {
    ...{ judgedAt: record.judgedAt, askedBy: clientId },
    boundBy: transactionData.length > 0 ? 'transaction data' : 'nonce',
    credentials: record.verdict.credentials.map(({ type, issuer, status }, at) => ({
      ...{ type, issuer: issuedBy?.[at] ?? issuer, hasStatus: status !== null },
    })),
    ...(attested && { attested }),
  }
  const list = trustedIssuers === undefined ? undefined : await rooms.store.issuers(trustedIssuers)
  const issuers = list === undefined ? {} : { issuers: JSON.parse(list) as ListedIssuers }
  const saved = { form: SAVED_FORM, document, presentation: record, ...issuers }
  return { proof, saved }
}
