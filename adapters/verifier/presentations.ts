/**
 * What services ask of wallets: begins a transaction, judges what wallets answer, and gives the service what
 * holds.
 */
import { hash, randomBytes } from 'node:crypto'
import { readAsked } from '#core/presentation/asked.ts'
import { makeRequest, signRequest, type Verifier } from '#core/presentation/make-request.ts'
import { Refused } from '#core/presentation/refused.ts'
import { anchorsAt, type TrustedIssuer } from '#core/presentation/trusted-issuers.ts'
import type { Clock } from '#platform/clock.ts'
import { makeEncryptionKey } from '#platform/wallet-login/encryption-key.ts'
import type { FetchStatusList } from '#platform/wallet-login/fetch-status-list.ts'
import { judgeNow } from '#platform/wallet-login/judge-now.ts'
import type { WalletSide } from '#platform/wallet-login/routes.ts'
import { Fault } from '#schemas/fault.ts'
import type { RefusalReason } from '#schemas/presentation.ts'
import { drawPng } from './draw-png.ts'
import { CODE_PLACE, QuestionRefused, readQuestion } from './read-question.ts'
import { createTransactions, type Transaction } from './transactions.ts'

/** In the words of the reference; `authorization_request_uri` is for its second version. */
type Begun = {
  transaction_id: string
  client_id: string
  request?: string
  request_uri?: string
  request_uri_method?: string
  authorization_request_uri: string
}

export type Presentations = ReturnType<typeof createPresentations>

const REQUEST_MS = 5 * 60_000
const MOST_TRANSACTIONS = 10_000
/** Of questions, presentations and status lists together. */
const MOST_OCTETS = 512 * 1024 * 1024
const MOST_BAD_ANSWERS = 5
/** The question as it was read and as it is sent; likewise what was presented, and what was found in it. */
const COPIES = 3
const PEM = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/g

const newToken = (octets: number): string => randomBytes(octets).toString('base64url')

export function createPresentations(q: {
  baseUrl: string
  walletUrl: string
  maxStatusAgeSeconds: number
  keepMs: number
  verifier: Verifier
  issuers(): TrustedIssuer[]
  fetchStatusList: FetchStatusList
  clock: Clock
  /** Counts outcomes; nobody is named. */
  count(outcome: RefusalReason | 'begun' | 'presented' | 'question_refused'): void
}) {
  const { verifier, clock } = q
  const transactions = createTransactions({ clock, most: MOST_TRANSACTIONS, mostOctets: MOST_OCTETS })
  const { note } = transactions

  /**
   * A service may narrow whom it believes, never widen it: trust is decided by two people, not by a request.
   */
  function issuersIn(chain: string | undefined): ReadonlySet<string> | undefined {
    if (chain === undefined) return undefined
    const given = new Set([...chain.matchAll(PEM)].map(([, base64 = '']) => base64.replaceAll(/\s/g, '')))
    const named = q
      .issuers()
      .filter((issuer) =>
        anchorsAt(issuer, new Date(clock())).some(({ der }) => given.has(der.toString('base64'))),
      )
    if (named.length === 0)
      throw new QuestionRefused('InvalidIssuerChain', 'no trusted issuer has this anchor')
    return new Set(named.map(({ name }) => name))
  }

  function claimsOf(question: Transaction['question'], requestId: string) {
    const { query, nonce, responseMode, transactionData } = question
    const pair = responseMode === 'direct_post.jwt' ? makeEncryptionKey() : undefined
    const claims = makeRequest(verifier, {
      ...{ query, nonce, responseMode, transactionData, state: newToken(32) },
      responseUri: `${q.baseUrl}/wallet/response/${requestId}`,
      ...(pair && { encryptionKey: pair.jwk }),
      issuedAt: new Date(clock()),
      expiresAt: new Date(clock() + REQUEST_MS),
    })
    return { claims, decryptionKey: pair?.privateKey }
  }

  /** `isDrawn`: the service wants a picture. Throws QuestionRefused, or `source_busy` when too many wait. */
  async function begin(body: unknown, isDrawn: boolean): Promise<{ begun: Begun; picture?: Buffer }> {
    const question = readQuestion(body)
    transactions.sweep()
    const issuers = issuersIn(question.issuerChain)
    const [id, requestId] = [newToken(32), newToken(32)]
    const { claims, decryptionKey } = claimsOf(question, requestId)
    const asked = readAsked(claims)
    const request = question.isByValue ? await signRequest(verifier, claims) : undefined
    const reference = `${q.baseUrl}/wallet/request/${requestId}`
    const method = question.method
    const sent = request === undefined ? { request_uri: reference, request_uri_method: method } : { request }
    // Wallets know two methods; where both will do they are told the one that carries their own nonce.
    const inLink =
      request === undefined
        ? { request_uri: reference, request_uri_method: method === 'get' ? 'get' : 'post' }
        : { request }
    const parameters = new URLSearchParams(Object.entries({ client_id: asked.clientId, ...inLink }))
    const begun = {
      ...{ transaction_id: id, client_id: asked.clientId, ...sent },
      authorization_request_uri: `${question.walletUrl ?? q.walletUrl}?${parameters}`,
    }
    const endsAt = asked.expiresAt.getTime()
    const picture = isDrawn ? drawPng(begun.authorization_request_uri) : undefined
    if (isDrawn && picture === undefined)
      throw new QuestionRefused('InvalidRequest', 'too long for a picture: jar_mode by_reference')
    const transaction: Transaction = {
      ...{ id, requestId, question, claims, asked, decryptionKey, issuers, fetched: request },
      ...{ state: 'waiting', badAnswers: 0, responseCode: newToken(32), response: undefined },
      ...{ record: undefined, events: [], endsAt, forgottenAt: endsAt + q.keepMs },
    }
    const size = COPIES * JSON.stringify([claims, question.issuerChain]).length
    const outcome = transactions.add(transaction, size)
    if (outcome === 'nonce') throw new QuestionRefused('MissingNonce', 'used before')
    if (outcome === 'room') throw new Fault('source_busy')
    const { request: _, authorization_request_uri: __, ...response } = begun
    const jwt = request === undefined ? {} : { request_sha256: hash('sha256', request, 'base64url') }
    note(transaction, 'Transaction initialized', 'Verifier', {
      ...{ response, profile: question.profile, ...jwt },
    })
    q.count('begun')
    return { begun, ...(picture && { picture }) }
  }

  const wallet: WalletSide = {
    async fetchRequest(requestId, walletNonce) {
      const one = transactions.ofWallet(requestId)
      if (one?.state !== 'waiting' || one.question.isByValue) return undefined
      one.fetched = await signRequest(verifier, one.claims, walletNonce)
      const sha256 = hash('sha256', one.fetched, 'base64url')
      note(one, 'Request object retrieved', 'Wallet', { request_sha256: sha256 })
      return one.fetched
    },
    isWaiting: (requestId) => transactions.ofWallet(requestId)?.state === 'waiting',
    async takeAnswer(requestId, body) {
      const one = transactions.ofWallet(requestId)
      if (one?.state !== 'waiting' || one.fetched === undefined) return undefined
      one.state = 'judging'
      try {
        await judge(one, one.fetched, body)
      } catch (thrown) {
        one.state = 'waiting'
        if (!(thrown instanceof Refused)) throw thrown
        refused(one, thrown)
        throw thrown
      }
      q.count('presented')
      const template = one.question.redirectTemplate
      return template === undefined ? {} : { redirectUri: template.replaceAll(CODE_PLACE, one.responseCode) }
    },
  }

  async function judge(one: Transaction, request: string, body: Buffer): Promise<void> {
    const { asked, decryptionKey } = one
    const issuers = q.issuers().filter(({ name }) => one.issuers?.has(name) ?? true)
    const { presentations, lists, record } = await judgeNow({
      ...{ body, asked, decryptionKey, request, issuers, clock },
      ...{ fetchStatusList: q.fetchStatusList, maxStatusAgeSeconds: q.maxStatusAgeSeconds },
    })
    record()
    // The verdict has the claims once more.
    if (!transactions.hold(one, COPIES * JSON.stringify(presentations).length, lists))
      throw new Fault('source_busy')
    one.record = record
    submit(one, { vp_token: presentations })
  }

  function submit(one: Transaction, response: NonNullable<Transaction['response']>): void {
    one.response = response
    one.state = 'submitted'
    one.forgottenAt = clock() + q.keepMs
    // What was presented is for whoever has the code, not for whoever reads events.
    note(one, 'Wallet response posted', 'Wallet', { wallet_response: {} })
  }

  function refused(one: Transaction, { reason, what }: Refused): void {
    q.count(reason)
    if (reason === 'wallet_refused') submit(one, { error: what ?? 'access_denied' })
    else {
      note(one, 'Wallet failed to post response', 'Wallet', { cause: reason })
      if (++one.badAnswers >= MOST_BAD_ANSWERS) one.endsAt = clock()
    }
  }

  /** What a service may read now; undefined if it asks too early, or with the code of another. */
  function submitted(id: string, responseCode: string | undefined): Transaction | undefined {
    const one = transactions.find(id)
    if (one?.state !== 'submitted') return undefined
    // The reference gives it without a code too: then whoever began would get what somebody presented who
    // followed their link.
    const needed = one.question.redirectTemplate === undefined ? undefined : one.responseCode
    const isSame = responseCode === needed || (needed === undefined && responseCode === one.responseCode)
    return isSame || 'error' in one.response! ? one : undefined
  }

  return {
    begin,
    wallet,
    isKnown: (id: string): boolean => transactions.find(id) !== undefined,
    /** As often as the service asks while it is kept, since an answer may be lost on its way. */
    read(id: string, responseCode: string | undefined): Transaction['response'] {
      const one = submitted(id, responseCode)
      const known = one ?? transactions.find(id)
      if (one !== undefined) note(one, 'Verifier got wallet response', 'Verifier')
      else if (known !== undefined)
        note(known, 'Verifier failed to get wallet', 'Verifier', { cause: known.state })
      return one?.response
    },
    record: (id: string, responseCode: string | undefined) => submitted(id, responseCode)?.record?.(),
    events(id: string) {
      const one = transactions.find(id)
      return one && { transaction_id: id, last_updated: one.events.at(-1)!.timestamp, events: one.events }
    },
    sweep: transactions.sweep,
    size: transactions.size,
    octets: transactions.octets,
  }
}
