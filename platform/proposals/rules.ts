/** Rules for proposals and for the persons who decide about them; pure. */
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import type { CallInput } from '#platform/http-service/four-eyes.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { Time } from '#schemas/sent-values.ts'

type ProposalState = 'proposed' | 'approved' | 'rejected' | 'withdrawn' | 'expired' | 'failed'

export type Content = CallInput & { operation: string }

/** What the rules need to know of a proposal. */
type Proposal = {
  content: string
  sha256: string
  proposer_id: string
  /** The person who made the API key that proposed it. */
  proposer_maker: string | null
  expires_at: Time
  state: ProposalState
}

/**
 * The exact text whose hash a second person approves: canonical JSON (RFC 8785), with bytes as base64. Throws
 * `invalid_input` for a content that could not be read back later, such as one with a whole number beyond
 * 2^53.
 */
export function contentText({ operation, params, query, body }: Content): string {
  const given =
    body === undefined
      ? {}
      : { body: Buffer.isBuffer(body) ? { base64: body.toString('base64') } : { json: body } }
  try {
    const text = canonicalJson({ operation, params: { ...params }, query: { ...query }, ...given })
    parseStrictJson(text)
    return text
  } catch (cause) {
    throw new Fault('invalid_input', { what: say`it cannot be kept as canonical JSON`, cause })
  }
}

/** The call that the text describes. */
export function readContent(text: string): Content {
  const { body, ...call } = parseStrictJson(text) as Omit<Content, 'body'> & { body?: Body }
  if (body === undefined) return { ...call, body }
  return { ...call, body: 'base64' in body ? Buffer.from(body.base64, 'base64') : body.json }
}

/**
 * Like `readContent`, but for display: undefined for a text that an older version stored and that cannot be
 * read now.
 */
export function readable(text: string): Content | undefined {
  try {
    return readContent(text)
  } catch {
    return undefined
  }
}

type Body = { base64: string } | { json: unknown }

/**
 * Throws `not_in_person`, `forbidden` or `not_second_person` unless this caller has one of the operation's
 * `roles` and is a second person.
 */
export function checkDecider(proposal: Proposal, decider: Caller, roles: string[]): void {
  if (decider.kind !== 'person') throw new Fault('not_in_person')
  if (!roles.some((role) => decider.roles.includes(role)))
    throw new Fault('forbidden', { what: say`one of these roles is needed: ${roles.join(', ')}` })
  const why = whyNotSecond(proposal, decider.id)
  if (why !== undefined) throw new Fault('not_second_person', { what: why })
}

function whyNotSecond({ proposer_id, proposer_maker, content }: Proposal, id: string): string | undefined {
  if (proposer_id === id) return 'you proposed this yourself'
  if (proposer_maker === id) return 'an API key that you made proposed this'
  return content.includes(aboutPerson(id)) ? 'this is about you' : undefined
}

/**
 * A person's id in the form in which a content contains it at any place. An id in the path could be written
 * differently.
 */
export function aboutPerson(id: string): string {
  return JSON.stringify(id)
}

/**
 * The parameters of a path in the form in which a content contains them. No text in it can look so: its
 * quotes are escaped.
 */
export function parametersText(params: Record<string, string>): string {
  return `"params":${canonicalJson({ ...params })},"query":`
}

/** Throws `conflict` for a proposal that was decided or has expired. */
export function checkOpen(proposal: Proposal, now: string): void {
  const state = stateAt(proposal, now)
  if (state !== 'proposed') throw new Fault('conflict', { what: say`the proposal is ${state} already` })
}

/** Throws `conflict` when the content that the person saw is not the one that would be carried out. */
export function checkContent({ sha256 }: Proposal, seen: string): void {
  if (seen.toLowerCase() !== sha256)
    throw new Fault('conflict', { what: say`the content has another SHA-256 than the one that you saw` })
}

/** The state as of now: a proposal is expired even before the job has marked it so. */
export function stateAt({ state, expires_at }: Proposal, now: string): ProposalState {
  return state === 'proposed' && expires_at <= now ? 'expired' : state
}

/** Whether this caller may approve or reject the proposal now. */
export function mayDecide(proposal: Proposal, caller: Caller, roles: string[], now: string): boolean {
  return (
    stateAt(proposal, now) === 'proposed' &&
    caller.kind === 'person' &&
    roles.some((role) => caller.roles.includes(role)) &&
    whyNotSecond(proposal, caller.id) === undefined
  )
}
