/**
 * Whether somebody may be represented in a call, as its contract says. No mandate service is asked for a
 * trial, so what it would say stays unknown.
 */
import { parseRepresentedParty } from '#core/transport/rest-request.ts'
import { asFault, toldBy } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import type { RecordTerms } from '../../global-configuration/contracts/index-contracts.ts'
import { actorsOf } from '../../message/rest.ts'
import { judgeRepresentation } from '../../peer/check-representation.ts'
import type { Call, Step } from './explain.ts'
import type { Needs } from './needs.ts'

/** As the headers of the request would have them. */
type Sample = { representedParty?: string; userId?: string }

const WORDS = {
  none: say`the contract lets nobody be represented`,
  asserted: say`whom the request names as represented is recorded as asserted`,
  hostingMandate: say`the client's member needs a hosting mandate of whom it represents`,
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
      rule.check === 'mandateService' ? say`the mandate service ${rule.service} decides` : WORDS[rule.check]
    return [{ ...about, state: 'good', what: say`the sample represents nobody; else ${what}` }]
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
    const what = id === undefined ? WORDS.asserted : say`hosting mandate ${id} of the registry covers it`
    return [{ ...about, state: 'good', what }]
  } catch (cause) {
    const { text, remedy } = toldBy(asFault(cause))
    return [{ ...about, state: 'bad', what: text, remedy }]
  }
}

function byMandateService({ service }: Call, name: string, rooms: Needs): Step {
  const about = { step: 'representation', side: 'provider' } as const
  const provider = { ...service, serviceCode: undefined }
  if (rooms.localSystems.client(provider) === undefined)
    return {
      ...about,
      state: 'unknown',
      what: say`the provider's server asks the mandate service ${name} at each call`,
      knownBy: say`the security server of ${idText(provider)}: POST /explanation there`,
    }
  if (!rooms.settings.mandateServices.some((one) => one.name === name))
    return {
      ...about,
      state: 'bad',
      what: say`the settings of this server do not name the mandate service ${name}`,
      remedy: say`add it to mandateServices, and start the server anew`,
    }
  const what = say`it is asked at each call, and about nobody for a trial`
  return {
    ...about,
    state: 'unknown',
    what: say`the mandate service ${name} decides: ${what}`,
    knownBy: name,
  }
}
