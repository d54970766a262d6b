/**
 * Whether somebody may be represented in a call, as its contract says. Nobody's mandates are asked for a trial: what a mandate service
 * would say stays unknown.
 */
import { parseRepresentedParty } from '#core/transport/rest-request.ts'
import { asFault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import type { RecordTerms } from '../../global-configuration/contracts/index-contracts.ts'
import { actorsOf } from '../../message/rest.ts'
import { judgeRepresentation } from '../../peer/check-representation.ts'
import type { Call, Step } from './explain.ts'
import type { Needs } from './needs.ts'

/** As the headers of the request would have them. */
type Sample = { representedParty?: string; userId?: string }

const WORDS = {
  none: 'the contract lets nobody be represented',
  asserted: 'whom the request names as represented is recorded as asserted',
  hostingMandate: "the client's member needs a hosting mandate of whom it represents",
} as const

/** No step where neither the sample names a party nor the contract says anything of it. */
export function representationSteps(
  call: Call,
  { representedParty, userId }: Sample,
  terms: RecordTerms | undefined,
  rooms: Needs,
): Step[] {
  const rule = terms?.representation ?? { check: 'asserted' }
  if (representedParty === undefined && terms?.representation === undefined) return []
  const about = { step: 'representation' } as const
  if (representedParty === undefined) {
    const what =
      rule.check === 'mandateService' ? `the mandate service ${rule.service} decides` : WORDS[rule.check]
    return [{ ...about, state: 'good', what: `the sample represents nobody; else ${what}` }]
  }
  try {
    const party = parseRepresentedParty(representedParty)
    const actors = actorsOf({ userId, representedParty: party })
    const request = { client: call.consumer, actors }
    const judged = judgeRepresentation(
      { request, terms: { contract: '', ...terms } },
      { clock: rooms.clock, hostingMandateFor: rooms.contracts.hostingMandateFor },
    )
    if (rule.check === 'mandateService') return [byMandateService(call, rule.service, rooms)]
    const id = judged.representationId
    const what = id === undefined ? WORDS.asserted : `hosting mandate ${id} of the registry covers it`
    return [{ ...about, state: 'good', what }]
  } catch (cause) {
    const [text = '', ...rest] = asFault(cause).message.split(/(?<=\.) /)
    return [{ ...about, state: 'bad', what: text, remedy: rest.join(' ') }]
  }
}

function byMandateService({ service }: Call, name: string, rooms: Needs): Step {
  const about = { step: 'representation', side: 'provider' } as const
  const provider = { ...service, serviceCode: undefined }
  if (rooms.localSystems.client(provider) === undefined)
    return {
      ...about,
      state: 'unknown',
      what: `the provider's server asks the mandate service ${name} at each call`,
      knownBy: `the security server of ${idText(provider)}: POST /explanation there`,
    }
  if (!rooms.settings.mandateServices.some((one) => one.name === name))
    return {
      ...about,
      state: 'bad',
      what: `the settings of this server do not name the mandate service ${name}`,
      remedy: 'add it to mandateServices, and start the server anew',
    }
  const what = 'it is asked at each call, and about nobody for a trial'
  return { ...about, state: 'unknown', what: `the mandate service ${name} decides: ${what}`, knownBy: name }
}
