/** Whom a request names as acting, as the log's metadata have it and its searches find it. */
import type { RestRequest } from '#core/transport/rest-message.ts'

export function namedActors({
  userId,
  representedParty: party,
}: Pick<RestRequest, 'userId' | 'representedParty'>): Record<string, string> {
  return {
    ...(userId === undefined ? {} : { userId }),
    ...(party === undefined ? {} : { representedParty: `${party.memberClass ?? ''}/${party.memberCode}` }),
  }
}
