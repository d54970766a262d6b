/**
 * Guarantees that the request is durable before the provider's system hears of it, and that no other request
 * with the same (peer server, signed request id) was or will be taken. SOAP signs no such id: there it is the
 * signature and the message.
 */
import { hash } from 'node:crypto'
import { idText } from '#schemas/identifiers.ts'
import type { Represented } from '../peer/check-representation.ts'
import { type Logged, logMessage } from '../peer/log-message.ts'
import type { LogEntry } from '../peer/message-log.ts'
import type { TermsOnRecord } from '../peer/terms-on-record.ts'
import type { Verified } from '../peer/verify-message.ts'
import type { Consented } from './check-consent.ts'
import type { AllowedRequest } from './check-contract.ts'
import { type Previewed, previewFacts } from './check-preview.ts'
import type { Received } from './receive.ts'
import type { ProviderRooms } from './rooms.ts'

type Ready = AllowedRequest & Represented & Consented & Previewed
export type Intent = Logged<Ready>

export async function logIntent(ready: Ready, rooms: ProviderRooms): Promise<Intent> {
  const intent = await logMessage(ready, requestFacts(ready, ready.terms, '', rooms), rooms.messageLog)
  // The key is claimed; our system may take its time.
  ready.visit.release()
  return intent
}

/**
 * What is on record of a verified request: open ('') when it will be carried out, else closed with the code
 * of its refusal.
 */
export function requestFacts(
  verified: Verified<Received> & Partial<Represented> & Consented & Previewed,
  terms: TermsOnRecord,
  outcome: string,
  rooms: ProviderRooms,
): Omit<LogEntry, 'message' | 'body' | 'signature'> {
  const { codec, request, visit, representation, consent } = verified
  const { id, requestId, client, service, method, issue, actors } = request
  const { peer } = visit
  return {
    kind: 'request',
    direction: 'in',
    ids: { id, requestId },
    client,
    service,
    peer,
    time: new Date(rooms.clock()),
    outcome,
    ...terms,
    replayKey: hash('sha256', `${idText(peer)} ${codec.replayId(verified)}`, 'buffer'),
    extra: {
      ...{ method, ...(issue !== undefined && { issue }), ...actors, ...representation, ...consent },
      ...previewFacts(verified),
      ...(terms.graceSince !== undefined && { graceSince: terms.graceSince }),
    },
  }
}
