/**
 * Calls the service `consents` of a system: about whomever the person acts for, and at the security server
 * that keeps what it is about, where that is known.
 */
import { CONSENTS } from '#schemas/consents.ts'
import type { JsonAnswer, NotCalled, ServiceCall } from '../asking/call-service.ts'
import type { Session } from '../login/sessions.ts'
import type { Rooms, Visit } from '../routing/section.ts'
import type { Keeper } from './consent.ts'

type Asked = Pick<ServiceCall, 'method' | 'path' | 'parameters' | 'json'> & {
  query?: Readonly<Record<string, string>>
}

export function callKeeper(
  { system, server }: Keeper,
  { reader: { session }, gone }: Pick<Visit, 'reader' | 'gone'>,
  { calls, asking }: Pick<Rooms, 'calls' | 'asking'>,
  asked: Asked,
): Promise<JsonAnswer | NotCalled> {
  return calls.call(session, gone, askedOf({ system, server }, session, asking, asked))
}

/** The same call, for those who make several at the same time. */
export function askedOf(
  { system, server }: Keeper,
  session: Session,
  asking: Pick<Rooms['asking'], 'userCode'>,
  asked: Asked,
) {
  // Who acts for themself is the user, whom each call names anyhow.
  const query: Record<string, string> = { ...asked.query }
  if (session.acting !== undefined) query['userCode'] = asking.userCode(session)
  return {
    ...{ ...asked, service: `${system.id}/${CONSENTS}`, query },
    ...(server !== undefined && { securityServer: server }),
  }
}
