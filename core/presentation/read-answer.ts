/** Reads what a wallet posts (OpenID4VP section 8): the presentations by query, or why there are none. */
import type { KeyObject } from 'node:crypto'
import type { RefusalReason } from '#schemas/presentation.ts'
import type { Asked } from './asked.ts'
import { isObject, isTexts, type JsonObject, readJsonObject } from './json.ts'
import { openJwe } from './jwe.ts'
import { need, Refused } from './refused.ts'

/** By id of the query, each presentation as text. */
export type Presentations = Record<string, string[]>

/** Portraits are the largest things that credentials hold. */
export const MAX_ANSWER = 2_097_152
const MAX_PRESENTATIONS = 64

/** Errors that OpenID4VP 8.5 and RFC 6749 name; a wallet's other words are not repeated. */
const ERRORS = new Set([
  ...['invalid_request', 'invalid_client', 'access_denied', 'vp_formats_not_supported'],
  ...[
    'invalid_request_uri_method',
    'invalid_transaction_data',
    'wallet_unavailable',
    'unsupported_response_type',
  ],
  ...['invalid_scope', 'server_error', 'temporarily_unavailable', 'unauthorized_client'],
])

/** `body` is the form as it was posted, `decryptionKey` the private half of this request's key. */
export function readAnswer(body: Buffer, asked: Asked, decryptionKey: KeyObject | undefined): Presentations {
  need(body.length <= MAX_ANSWER, 'answer_too_large')
  const form = readForm(body)
  if (form.error !== undefined) throw refusedByWallet(form.error, form.state, asked)
  if (asked.encryption === undefined || decryptionKey === undefined) {
    need(form.response === undefined, 'answer_malformed', 'an encrypted answer was not asked for')
    return readParameters({ ...form, vp_token: parsed(form.vp_token) }, asked)
  }
  need(form.response !== undefined && form.vp_token === undefined, 'answer_not_encrypted')
  const plain = openJwe(form.response, decryptionKey, asked.encryption.kid)
  const parameters = readJsonObject(plain, 'answer_malformed')
  if (typeof parameters.error === 'string') throw refusedByWallet(parameters.error, parameters.state, asked)
  return readParameters(parameters, asked)
}

function parsed(text: string | undefined): unknown {
  need(text !== undefined, 'answer_malformed', 'vp_token')
  return readJsonObject(text, 'answer_malformed')
}

function readParameters({ state, vp_token: token }: JsonObject, asked: Asked): Presentations {
  need(asked.state === undefined || state === asked.state, 'state_mismatch')
  need(isObject(token), 'answer_malformed', 'vp_token')
  const ids = Object.keys(token)
  need(ids.length > 0, 'presentation_missing')
  return readPresentations(token)
}

/** The presentations of an answer or of a record, counted. */
export function readPresentations(
  token: JsonObject,
  reason: RefusalReason = 'answer_malformed',
): Presentations {
  let count = 0
  return Object.fromEntries(
    Object.entries(token).map(([id, list]): [string, string[]] => {
      need(isTexts(list) && list.length > 0, reason, 'a list of presentations is needed')
      count += list.length
      need(count <= MAX_PRESENTATIONS, reason, 'too many presentations')
      return [id, list]
    }),
  )
}

/** Fields of a form, each once. */
function readForm(body: Buffer): Partial<Record<string, string>> {
  const form: Record<string, string> = {}
  for (const [name, value] of new URLSearchParams(body.toString('utf8'))) {
    need(!Object.hasOwn(form, name), 'answer_malformed', 'a field stands twice')
    form[name] = value
  }
  return form
}

function refusedByWallet(error: string, state: unknown, asked: Asked): Refused {
  if (asked.state !== undefined && state !== undefined && state !== asked.state)
    return new Refused('state_mismatch')
  return new Refused('wallet_refused', ERRORS.has(error) ? error : undefined)
}
