/**
 * What a service asks for (`POST /ui/presentations`), in the words of the EU's reference verifier. What it
 * leaves out is what is safe; what this verifier would not ask is refused by one of that verifier's names.
 */
import { type Query, readQuery } from '#core/presentation/dcql/query.ts'
import { isObject, type JsonObject } from '#core/presentation/json.ts'
import { Refused } from '#core/presentation/refused.ts'
import { readTransaction } from '#core/presentation/transaction-data.ts'
import { isSafe } from '#platform/sessions/settings.ts'

export type Question = {
  query: Query
  nonce: string
  responseMode: 'direct_post' | 'direct_post.jwt'
  isByValue: boolean
  method: 'get' | 'post' | 'post_get'
  /** With the place of the response code; undefined where the service asks again and again. */
  redirectTemplate: string | undefined
  transactionData: string[]
  /** PEM: only issuers with one of these anchors count. */
  issuerChain: string | undefined
  walletUrl: string | undefined
  profile: 'openid4vp' | 'haip'
}

/** Why there is no transaction, by the name that the reference has for it. */
export class QuestionRefused extends Error {
  readonly code: string
  readonly place: string | undefined
  constructor(code: string, place?: string) {
    super(code)
    this.code = code
    this.place = place
  }
}

export const CODE_PLACE = '{RESPONSE_CODE}'
/** A nonce that can be guessed or that repeats lets a presentation be replayed. */
const NONCE = /^[A-Za-z0-9_.~-]{16,256}$/
const SCHEME = /^[a-z][a-z0-9+.-]{1,60}$/
const WALLET = /^[a-z][a-z0-9+.-]*:\/\/[^?#\s]{0,300}$/
/** A wallet's address is put into pages by services. */
const NO_WALLET = /^(javascript|data|blob|vbscript|file|about):?/
const MOST_TRANSACTIONS = 16
const MAX_TEXT = 16_384

/** Throws QuestionRefused. */
export function readQuestion(body: unknown): Question {
  const given: JsonObject = isObject(body) ? body : {}
  const profile = oneOf(given, 'profile', ['openid4vp', 'haip'] as const) ?? 'openid4vp'
  const responseMode =
    oneOf(given, 'response_mode', ['direct_post', 'direct_post.jwt'] as const) ?? 'direct_post.jwt'
  const isByValue = oneOf(given, 'jar_mode', ['by_value', 'by_reference'] as const) === 'by_value'
  const query = readWanted(given.dcql_query)
  if (profile === 'haip' && responseMode !== 'direct_post.jwt')
    throw new QuestionRefused('HaipNotSupported.ResponseModeDirectPostJwtMustBeUsed')
  if (profile === 'haip' && isByValue)
    throw new QuestionRefused('HaipNotSupported.AuthorizationRequestMustBeProvidedByReference')
  return {
    ...{ query, responseMode, isByValue, profile },
    nonce: readNonce(given.nonce),
    method: oneOf(given, 'request_uri_method', ['get', 'post', 'post_get'] as const) ?? 'post',
    redirectTemplate: readTemplate(given.wallet_response_redirect_uri_template),
    transactionData: readTransactions(given.transaction_data, query),
    issuerChain: textOf(given.issuer_chain, 'InvalidIssuerChain'),
    walletUrl: readWalletUrl(given),
  }
}

function readWanted(value: unknown): Query {
  if (value === undefined || value === null) throw new QuestionRefused('MissingPresentationQuery')
  const credentials = isObject(value) && Array.isArray(value.credentials) ? value.credentials : []
  if (credentials.some((one) => isObject(one) && one.format !== 'dc+sd-jwt' && one.format !== 'mso_mdoc'))
    throw new QuestionRefused('UnsupportedFormat')
  return inWords('MissingPresentationQuery', () => readQuery(value))
}

function readNonce(value: unknown): string {
  if (typeof value === 'string' && NONCE.test(value)) return value
  throw new QuestionRefused('MissingNonce', 'a fresh random one of 16 to 256 letters, digits and -._~')
}

function readTemplate(value: unknown): string | undefined {
  const template = textOf(value, 'InvalidWalletResponseTemplate')
  if (template === undefined) return undefined
  const address = template.replaceAll(CODE_PLACE, 'code')
  const url = URL.parse(address)
  // Not in the host: the code is sent to the service, and to nobody whom it names.
  const isSound = url !== null && url.username + url.password === '' && template.startsWith(url.origin)
  if (address === template || !isSound || !isSafe(url.origin))
    throw new QuestionRefused('InvalidWalletResponseTemplate', `https, with ${CODE_PLACE} in it`)
  return template
}

/**
 * Each is signed by the holder as it stands: only our own type, which says what is agreed to, is asked for.
 */
function readTransactions(value: unknown, { credentials }: Query): string[] {
  if (value === undefined || value === null) return []
  const code = 'InvalidTransactionData'
  if (!Array.isArray(value) || value.length > MOST_TRANSACTIONS) throw new QuestionRefused(code)
  const signing = new Set(credentials.filter(({ format }) => format === 'dc+sd-jwt').map(({ id }) => id))
  return value.map((one) => {
    const entry = { ...(one as JsonObject), transaction_data_hashes_alg: ['sha-256'] }
    const text = Buffer.from(JSON.stringify(entry)).toString('base64url')
    if (!isObject(one) || text.length > MAX_TEXT) throw new QuestionRefused(code)
    const { credentialIds } = inWords(code, () => readTransaction(text))
    if (credentialIds.length === 0 || !credentialIds.every((id) => signing.has(id)))
      throw new QuestionRefused(code, 'credential_ids')
    return text
  })
}

function readWalletUrl(given: JsonObject): string | undefined {
  const scheme = textOf(given.authorization_request_scheme, 'InvalidAuthorizationRequestScheme')
  const address = textOf(given.authorization_request_uri, 'InvalidAuthorizationRequestUri')
  if (scheme !== undefined && address !== undefined)
    throw new QuestionRefused('ContainsBothAuthorizationRequestUriAndAuthorizationRequestScheme')
  if (scheme !== undefined && (!SCHEME.test(scheme) || NO_WALLET.test(scheme)))
    throw new QuestionRefused('InvalidAuthorizationRequestScheme')
  if (address !== undefined && (!WALLET.test(address) || NO_WALLET.test(address)))
    throw new QuestionRefused('InvalidAuthorizationRequestUri')
  return scheme === undefined ? address : `${scheme}://`
}

function textOf(value: unknown, code: string): string | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'string' && value.length > 0 && value.length <= MAX_TEXT) return value
  throw new QuestionRefused(code)
}

function oneOf<const T extends string>(given: JsonObject, name: string, known: readonly T[]): T | undefined {
  const value = given[name]
  if (value === undefined || value === null) return undefined
  const found = known.find((one) => one === value)
  // The reference says nothing more of a value that it does not know.
  if (found === undefined) throw new QuestionRefused('InvalidRequest', name)
  return found
}

function inWords<T>(code: string, read: () => T): T {
  try {
    return read()
  } catch (thrown) {
    if (!(thrown instanceof Refused)) throw thrown
    throw new QuestionRefused(code, thrown.what)
  }
}
