/**
 * Asks the mandate services of the settings. Guarantees that only a service's own answer grants a mandate:
 * whatever else happens is `mandate_service_unavailable`. Granted mandates serve further calls for as long as
 * the contract says and the mandate lasts.
 */
import { hash, randomUUID } from 'node:crypto'
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import type { Clock } from '#platform/clock.ts'
import { readSecret } from '#platform/configuration/read-secret.ts'
import { Fault } from '#schemas/fault.ts'
import { idText, type ServerId } from '#schemas/identifiers.ts'
import type { OwnListener } from '../../local-systems/check-address.ts'
import { whyNoConnection } from '../../peer/why-no-connection.ts'
import { createMandateClient, type MandateClient } from './client.ts'
import { paasuke } from './paasuke.ts'
import { type Judged, type MandateInterface, type MandateQuestion, UnusableAnswer } from './question.ts'
import type { MandateServiceSettings } from './settings.ts'
import { suomiFi } from './suomi-fi.ts'

/**
 * What a service said, with what a record needs to prove it: under which id it was asked, the digest of its
 * answer, when.
 */
type MandateAnswer = {
  isMandated: boolean
  id: string
  /** Base64 of the SHA-256 of the answer's octets. */
  answer: string
  /** ISO time. */
  at: string
  /** When the mandate ends (ms), as far as the service tells; else Infinity. */
  until: number
}

export type MandateServices = {
  /**
   * Throws `mandate_service_unavailable`, and `representation_refused` for an identifier or a class that the
   * service cannot know.
   */
  ask(q: MandateQuestion): Promise<MandateAnswer>
  close(): Promise<void>
}

type Service = {
  talk: MandateInterface
  client: MandateClient
  timeoutMs: number
  partyClasses: ReadonlySet<string> | undefined
}
type Kept = { answer: MandateAnswer; asked: number }

const MOST_KEPT = 10_000

/** Throws `invalid_configuration` for files that cannot be read. */
export async function createMandateServices(q: {
  settings: readonly MandateServiceSettings[]
  server: ServerId
  clock: Clock
  /** The most answers that are kept for further calls; the oldest goes first. */
  mostKept?: number
  /** The listeners of this server at which no mandate service may lie. */
  own?: readonly OwnListener[]
}): Promise<MandateServices> {
  const { mostKept = MOST_KEPT, own = [] } = q
  const services = new Map<string, Service>()
  for (const one of q.settings) services.set(one.name, await openService(one, q.server, own))
  const kept = new Map<string, Kept>()

  /**
   * An answer of this contract's own question, younger than it allows; a clock that was set back makes none
   * younger.
   */
  function recall(key: string, seconds: number): MandateAnswer | undefined {
    const found = kept.get(key)
    if (found === undefined) return undefined
    const now = q.clock()
    const isGood = found.asked <= now && now < Math.min(found.answer.until, found.asked + seconds * 1000)
    return isGood ? found.answer : undefined
  }

  function keep(key: string, one: Kept): void {
    kept.delete(key)
    const [oldest] = kept.keys()
    if (kept.size >= mostKept && oldest !== undefined) kept.delete(oldest)
    kept.set(key, one)
  }

  return {
    async ask(question) {
      const { service: name, answerSeconds = 0 } = question.rule
      const service = services.get(name)
      if (service === undefined) throw unavailable(name, 'the settings of this server do not name it')
      const { partyClass } = question
      // Two parties of one code in two classes are two parties, and the service would answer about one of
      // them.
      if (partyClass !== '' && service.partyClasses?.has(partyClass) === false)
        throw new Fault('representation_refused', {
          what: `${name} knows no parties of the class that is named`,
        })
      const key = keyOf(question)
      const recalled = answerSeconds === 0 ? undefined : recall(key, answerSeconds)
      if (recalled !== undefined) return recalled
      const asked = q.clock()
      const answer = await askService(service, question, q.clock)
      // What is refused is asked again: the mandate may be granted the next moment.
      if (answerSeconds > 0 && answer.isMandated) keep(key, { answer, asked })
      return answer
    },
    async close() {
      await Promise.all([...services.values()].map(({ client }) => client.close()))
    },
  }
}

async function openService(
  settings: MandateServiceSettings,
  server: ServerId,
  own: readonly OwnListener[],
): Promise<Service> {
  const { country, clientId = '', apiKeyFile } = settings
  const talk =
    settings.kind === 'paasuke'
      ? paasuke(settings)
      : suomiFi({ clientId, country, apiKey: await readSecret(apiKeyFile ?? ''), endUser: idText(server) })
  const client = await createMandateClient(settings, own)
  const partyClasses = settings.partyClasses && new Set(settings.partyClasses)
  return { talk, client, timeoutMs: settings.timeoutSeconds * 1000, partyClasses }
}

async function askService(
  { talk, client, timeoutMs }: Service,
  question: MandateQuestion,
  clock: Clock,
): Promise<MandateAnswer> {
  const id = randomUUID()
  const requests = talk.requests(question, { id, now: clock() })
  const signal = AbortSignal.timeout(timeoutMs)
  let judged: Judged = { isMandated: false, until: 0 }
  let bytes: Buffer = Buffer.alloc(0)
  try {
    for (const asked of requests) {
      bytes = await client.get(asked, signal)
      judged = talk.judge(parseStrictJson(bytes), question, clock())
      if (judged.isMandated) break
    }
  } catch (cause) {
    throw unavailable(question.rule.service, whyNot(cause, signal), cause)
  }
  const answer = hash('sha256', bytes, 'base64')
  const { isMandated, until } = judged
  return { isMandated, id, answer, at: new Date(clock()).toISOString(), until }
}

function whyNot(cause: unknown, signal: AbortSignal): string {
  if (signal.aborted) return 'it did not answer in time'
  if (cause instanceof UnusableAnswer) return cause.message
  if (cause instanceof Fault) {
    if (cause.code === 'service_malformed_url') return cause.what ?? cause.code
    return cause.code === 'malformed_json' ? 'its answer is no JSON' : cause.code
  }
  return `no answer: ${whyNoConnection(cause)}`
}

function unavailable(name: string, why: string, cause?: unknown): Fault {
  return new Fault('mandate_service_unavailable', { what: `${name}: ${why}`, cause })
}

/** A digest: nobody's identifier stays in memory for the sake of an answer. */
function keyOf({ rule, representee, delegate }: MandateQuestion): string {
  return hash('sha256', JSON.stringify([rule.service, rule.roles, representee, delegate]))
}
