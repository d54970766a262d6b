/**
 * Tries a message against a contract and a description without sending it: would this call pass, what would
 * be refused of its request, and what would be left of an answer.
 */
import type { FieldRule } from '#core/contract/allowed-fields.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import type { Handlers } from '#platform/http-service/openapi.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { RecordTerms } from '../../global-configuration/contracts/index-contracts.ts'
import { maySeeSecret } from '../../global-configuration/contracts/may-see.ts'
import { cutDocument } from '../../message/cut-document.ts'
import {
  type AskedCall,
  type Call,
  type Explanation,
  explain,
  groupsOf,
  isNeverInGrace,
  readCall,
  type Step,
  verdictOf,
} from './explain.ts'
import { descriptionSteps } from './explain-description.ts'
import { representationSteps } from './explain-representation.ts'
import type { Needs } from './needs.ts'

type Asked = AskedCall & {
  method: string
  path: string
  status: number
  request?: string
  response?: string
  representedParty?: string
  userId?: string
}

/**
 * What becomes of a sample. `fields`: those that the contract does not name; they are refused in a request,
 * removed from an answer.
 */
type Tried = { fields: string[]; left?: string; unreadable?: string }

/** `request` and `response` only of samples that were given and that the contract was held against. */
type ExplainedMessage = Explanation & {
  contract: string
  request?: Pick<Tried, 'fields'>
  response?: Tried
}

export function explainMessageHandlers(rooms: Needs): Handlers {
  return {
    explainMessage: async ({ body, caller }): Promise<ExplainedMessage> => {
      const asked = body as Asked
      const call = readCall(asked, rooms)
      const explanation = await explain(call, rooms, caller)
      const terms = termsOf(call, rooms)
      if (!maySeeTerms(terms, caller)) return untried(explanation)
      const request = await tryFields(asked.request, terms?.fields?.request)
      const response = await tryFields(asked.response, terms?.fields?.response)
      const steps = [
        ...explanation.steps,
        ...representationSteps(call, asked, terms, rooms),
        ...(await descriptionSteps(call, asked, rooms)),
        ...stepOf('request', request),
        ...stepOf('response', response),
      ]
      return {
        ...explanation,
        ...{ verdict: verdictOf(steps), steps },
        contract: terms?.contract ?? '',
        ...(request && { request: { fields: request.fields } }),
        ...(response && { response }),
      }
    },
  }
}

/**
 * Who may not see secret contracts is told nothing where one may hold, so that an answer does not tell
 * whether it does.
 */
function maySeeTerms(terms: RecordTerms | undefined, caller: Caller): boolean {
  if (maySeeSecret(caller)) return true
  return terms !== undefined && terms.contract !== '' && terms.secrecy === undefined
}

function untried(explanation: Explanation): ExplainedMessage {
  const step: Step = {
    ...{ step: 'fields', state: 'unknown' },
    what: say`no contract that you may see covers the call: the message was not tried`,
    remedy: say`ask somebody who manages contracts`,
  }
  const steps = [...explanation.steps, step]
  return { ...explanation, verdict: verdictOf(steps), steps, contract: '' }
}

/** Undefined where no contract holds: the step of the contract says why. */
function termsOf({ consumer, service, endpoint }: Call, rooms: Needs): RecordTerms | undefined {
  try {
    return rooms.contracts.contractFor({
      ...{ client: consumer, service, ...endpoint!, at: rooms.clock() },
      ...{ isInGlobalGroup: groupsOf(consumer, rooms), neverInGrace: isNeverInGrace(service, rooms) },
    })
  } catch (cause) {
    if (cause instanceof Fault) return undefined
    throw cause
  }
}

async function tryFields(
  sample: string | undefined,
  rule: FieldRule | undefined,
): Promise<Tried | undefined> {
  if (sample === undefined) return undefined
  if (rule === undefined) return { fields: [], left: sample }
  const protocol = sample.trimStart().startsWith('<') ? 'SOAP' : 'REST'
  const cut = await cutDocument({ protocol, bytes: Buffer.from(sample), allowed: rule.allowed })
  if ('unreadable' in cut) return { fields: [], unreadable: cut.unreadable }
  return { fields: cut.removed.names, left: cut.bytes.toString() }
}

function stepOf(half: 'request' | 'response', tried: Tried | undefined): Step[] {
  if (tried === undefined) return []
  const step = { step: `${half}Fields` } as const
  const { fields, unreadable } = tried
  if (unreadable !== undefined)
    return [
      {
        ...step,
        state: 'bad',
        what:
          half === 'request'
            ? say`the request cannot be held against the fields of the contract: ${unreadable}`
            : say`the response cannot be held against the fields of the contract: ${unreadable}`,
        remedy: say`give the whole body as it would be sent, JSON or the SOAP envelope`,
      },
    ]
  if (fields.length === 0)
    return [
      {
        ...step,
        state: 'good',
        what:
          half === 'request'
            ? say`the contract allows every field of the request`
            : say`the contract allows every field of the response`,
      },
    ]
  const named = fields.slice(0, 10).join(', ')
  return half === 'request'
    ? [
        {
          ...step,
          state: 'bad',
          what: say`the contract does not name these fields of the request: ${named}`,
          remedy: say`leave them out, or propose a version of the contract that names them`,
        },
      ]
    : [{ ...step, state: 'good', what: say`these fields would be removed from the answer: ${named}` }]
}
