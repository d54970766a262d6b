/**
 * Whether samples of a request and of an answer are as the description of a service of this server says, and
 * who holds them against it.
 */

import type { Violation } from '#core/openapi/rest-message.ts'
import { Fault } from '#schemas/fault.ts'
import { type Said, say } from '#schemas/said.ts'
import { codeOf } from '../../local-systems/description-change.ts'
import type { LocalService } from '../../local-systems/local-systems.ts'
import type { DescribedMessage } from '../../local-systems/validation/described-message.ts'
import { tryDescription } from '../../local-systems/validation/try-description.ts'
import type { Call, Step } from './explain.ts'
import type { Needs } from './needs.ts'

type Half = 'request' | 'response'
type Samples = { status: number } & { [H in Half]?: string }

/** No step where the service is not offered here, or has no document. */
export async function descriptionSteps(call: Call, samples: Samples, rooms: Needs): Promise<Step[]> {
  const local = rooms.localSystems.service(call.service)
  const halves = (['request', 'response'] as const).filter((half) => samples[half] !== undefined)
  if (local === undefined || local.type === 'REST' || local.documentText === undefined || halves.length === 0)
    return []
  const { type, documentText: text } = local
  const messages = halves.map((half) => messageOf(half, call, samples))
  try {
    const found = await tryDescription({ document: { type, text }, messages })
    return halves.map((half, index) => stepOf(half, local, found[index]))
  } catch (cause) {
    if (!(cause instanceof Fault) || cause.code !== 'invalid_input') throw cause
    const remedy = say`correct the document; validation cannot be switched on before`
    return halves.map((half) => ({ ...aboutOf(half), state: 'unknown', what: cause.said ?? '', remedy }))
  }
}

function messageOf(half: Half, { service, endpoint }: Call, samples: Samples): DescribedMessage {
  const sample = samples[half] ?? ''
  const body = Buffer.from(sample)
  if (sample.trimStart().startsWith('<')) return { protocol: 'SOAP', half, operation: codeOf(service), body }
  const headers: [string, string][] = [['Content-Type', 'application/json']]
  const said = { protocol: 'REST', ...endpoint!, headers, body } as const
  return half === 'request'
    ? { ...said, half, query: undefined, isSample: true }
    : { ...said, half, status: samples.status }
}

const IS_AS_DESCRIBED: Record<Half, Said> = {
  request: say`the request is as described`,
  response: say`the response is as described`,
}

function stepOf(half: Half, { validate }: LocalService, violation: Violation | undefined): Step {
  const step = aboutOf(half)
  if (violation === undefined) return { ...step, state: 'good', what: IS_AS_DESCRIBED[half] }
  const { place, pointer, rule } = violation
  const at = `${place}${pointer === '' ? '' : ` ${pointer}`}`
  const what =
    half === 'request'
      ? say`the request is not as described: ${at}: ${rule}`
      : say`the response is not as described: ${at}: ${rule}`
  const isHeld = validate === 'ALL' || (validate === 'REQUESTS' && half === 'request')
  return isHeld
    ? { ...step, state: 'bad', what, remedy: say`correct it, or the document of the service` }
    : { ...step, state: 'good', what: say`${what}; nobody checks that (validate ${validate})` }
}

function aboutOf(half: Half): Pick<Step, 'step' | 'side'> {
  return { step: `${half}Description`, side: 'provider' }
}
