/**
 * Guarantees that a request which names a represented party may do so under its contract, as far as both
 * halves know it: from the contract and from the registry's hosting mandates. Which mandates a mandate
 * service has, only the provider's half asks.
 */
import { Fault } from '#schemas/fault.ts'
import { idText, memberOf } from '#schemas/identifiers.ts'
import type { Contracts } from '../global-configuration/contracts/contracts.ts'
import type { Request } from '../message/message.ts'
import type { TermsOnRecord } from './terms-on-record.ts'

/**
 * What records say of a represented party: `representation` is `asserted` by the client or `checked`, the
 * others say by what, under which id, by which answer (digest) and when. Empty where none is named.
 */
type RepresentationOnRecord = Partial<Record<`representation${'' | 'By' | 'Id' | 'Answer' | 'At'}`, string>>

/** `mandateUntil`: when the mandate that a service confirmed ends, in ISO form, where the service tells. */
export type Represented = { representation: RepresentationOnRecord; mandateUntil?: string }

type Rooms = { clock(): number; hostingMandateFor: Contracts['hostingMandateFor'] }
type Asked = {
  request: Pick<Request, 'client' | 'actors' | 'soap'>
  terms: Pick<TermsOnRecord, 'contract' | 'representation'>
}

const ASSERTED: RepresentationOnRecord = { representation: 'asserted' }

/** Throws `representation_refused`, and `contracts_outdated` when hosting mandates are not known. */
export function judgeRepresentation({ request, terms }: Asked, rooms: Rooms): RepresentationOnRecord {
  const { representation: rule, contract } = terms
  const check = rule?.check ?? 'asserted'
  const refused = (why: string): Fault =>
    new Fault('representation_refused', { what: `${contract === '' ? 'as agreed' : contract}: ${why}` })
  if (check !== 'asserted' && request.soap?.hasOtherParty === true)
    throw refused('representedParty stands in another namespace or case than those of the extension')
  const party = request.actors['representedParty']
  if (party === undefined) return {}
  switch (check) {
    case 'asserted':
      return ASSERTED
    case 'none':
      throw refused('the contract lets nobody be represented')
    case 'hostingMandate':
      return byHostingMandate({ request, party, refused }, rooms)
    case 'mandateService':
      if (rule?.check === 'mandateService' && rule.delegate === 'user' && !request.actors['userId'])
        throw refused('the contract asks for a mandate of the user, and the request names none')
      return ASSERTED
  }
}

/** The party in a record is "[class]/code"; codes have no slash. */
export function codesOf(party: string): { memberClass: string; memberCode: string } {
  const slash = party.indexOf('/')
  return { memberClass: party.slice(0, slash), memberCode: party.slice(slash + 1) }
}

function byHostingMandate(
  { request, party, refused }: { request: Asked['request']; party: string; refused(why: string): Fault },
  { clock, hostingMandateFor }: Rooms,
): RepresentationOnRecord {
  const { memberClass, memberCode } = codesOf(party)
  if (memberClass === '') throw refused('the represented party has no member class, so it is no member')
  const { client } = request
  const found = hostingMandateFor({
    host: idText(memberOf(client)),
    client: idText({ instance: client.instance, memberClass, memberCode }),
    at: clock(),
  })
  if (found === undefined)
    throw refused("the client's member has no hosting mandate of the represented party")
  return {
    ...{ representation: 'checked', representationBy: 'hosting mandate' },
    ...{ representationId: `${found.id}`, representationAt: found.listedAt },
  }
}
