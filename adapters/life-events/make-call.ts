/**
 * One call that a rule declares, through the own security server. Guarantees that it says who asks and for
 * which offer, that it is bounded in time and size, and that it always comes to an outcome, also when the
 * register is away.
 */
import { ExchangeError } from '#adapters/client/exchange-error.ts'
import type { SecurityServer } from '#adapters/client/index.ts'
import type { CallOutcome } from '#schemas/offers.ts'
import { fillTemplates, namesIn } from './fill-template.ts'
import type { CallSettings } from './settings.ts'

type Call = Pick<CallSettings, 'service' | 'method' | 'path' | 'query' | 'body'>
export type CallResult = {
  outcome: Exclude<CallOutcome, 'not-agreed'>
  /** What the security server said. */
  code?: string
  messageId?: string
  document?: unknown
}

const MOST_BYTES = 262_144
/** What security servers say when no right or contract covers the call now. */
const REFUSED =
  /access_denied|contract_(?:required|ended|suspended)|outside_contract|representation_refused|[.]suspended/i

export async function makeCall(
  server: Pick<SecurityServer, 'service'>,
  call: Call,
  q: {
    values: Readonly<Record<string, string>>
    /** Who acts, as the exchange says it. */
    userId: string | undefined
    issue: string
    answerMs: number
    signal?: AbortSignal
  },
): Promise<CallResult> {
  try {
    const path = Object.fromEntries(namesIn(call.path).map((name) => [name, q.values[name] ?? '']))
    const answer = await server.service(call.service).call(call.method, call.path, {
      ...{ path, query: fillTemplates(call.query, q.values) },
      ...(call.body !== undefined && { json: fillTemplates(call.body, q.values) }),
      ...(q.userId !== undefined && { userId: q.userId }),
      ...{ issue: q.issue, deadlineMs: q.answerMs, maxAnswerBytes: MOST_BYTES },
      ...(q.signal && { signal: q.signal }),
    })
    const messageId = answer.id
    if (answer.status >= 200 && answer.status < 300)
      return { outcome: 'answered', messageId, document: await answer.json() }
    await answer.body?.cancel()
    if (answer.status === 404) return { outcome: 'nothing', messageId }
    if (answer.status === 401 || answer.status === 403) return { outcome: 'refused', messageId }
    return { outcome: 'away', messageId }
  } catch (thrown) {
    if (!(thrown instanceof ExchangeError)) throw thrown
    const { code, where, id } = thrown
    const isRefused = where !== 'network' && where !== 'client' && REFUSED.test(code)
    return {
      outcome: isRefused ? 'refused' : 'away',
      code,
      ...(id !== undefined && { messageId: id }),
    }
  }
}
