/**
 * Logging in with a wallet, for a portal or any page: begins attempts, judges what wallets answer, gives the
 * outcome once.
 */
import { randomBytes, randomInt } from 'node:crypto'
import { readAsked } from '#core/presentation/asked.ts'
import { attributesOf } from '#core/presentation/dcql/attributes.ts'
import { makeQuery, type Needed, type Source } from '#core/presentation/dcql/make-query.ts'
import { makeRequest, signRequest, type Verifier } from '#core/presentation/make-request.ts'
import { Refused } from '#core/presentation/refused.ts'
import { bindingNonce, type Transaction, writeTransaction } from '#core/presentation/transaction-data.ts'
import { anchorsAt, type TrustedIssuer } from '#core/presentation/trusted-issuers.ts'
import type { Clock } from '#platform/clock.ts'
import { Fault } from '#schemas/fault.ts'
import type { RefusalReason } from '#schemas/presentation.ts'
import { type Attempt, createAttempts, digestOf, type Flow, newToken, type Outcome } from './attempts.ts'
import { makeEncryptionKey } from './encryption-key.ts'
import type { FetchStatusList } from './fetch-status-list.ts'
import { judgeNow } from './judge-now.ts'

/** Why an attempt gives nothing, beside the reasons of a presentation. */
export type LoginRefusal = 'ended' | 'not_answered' | 'code_wrong' | 'number_wrong'

/** `walletUrl` opens a wallet as a link, or as a QR code. */
type Looked =
  | { state: 'ended' }
  | {
      state: 'waiting' | 'answered'
      flow: Flow
      walletUrl: string
      endsAt: number
      refusal?: RefusalReason
    }

export type WalletLogin = ReturnType<typeof createWalletLogin>

/** What wallets are asked for. */
type WalletQuestion = {
  needed: Needed[]
  /**
   * `issuers` are the names of those who count for it: of two countries with equal types, and perhaps equal
   * codes, one.
   */
  sources: (Source & { issuers: readonly string[] })[]
  /** The attribute that says whose a credential is, where one credential does not suffice (`makeQuery`). */
  linkedBy?: string
}

type Start = { flow: Flow; by?: string; transaction?: Transaction; question?: WalletQuestion | undefined }

type Settings = {
  /** Scheme and host under which browsers and wallets reach the routes. */
  baseUrl: string
  /** Below which path `walletRoutes` stand. */
  prefix: string
  /** How wallets are called: `openid4vp://` or `haip-vp://`, or a wallet's own address. */
  walletUrl: string
  /** Where the browser of the same device, or the phone of another, comes back; the code is appended. */
  returnUrl: Record<Flow, string>
  maxStatusAgeSeconds: number
}

const ATTEMPT_MS = 5 * 60_000
const MOST_ATTEMPTS = 10_000
const MOST_BAD_ANSWERS = 5
const MOST_WRONG_NUMBERS = 3
const DIGITS = 6

/** With the question of each attempt that names none of its own. */
type Parts = WalletQuestion & {
  settings: Settings
  verifier: Verifier
  issuers(): TrustedIssuer[]
  fetchStatusList: FetchStatusList
  clock: Clock
  /**
   * Whether a record that proves the answer is left; without it nothing of the person is kept but the
   * attributes, and wallets are told so.
   */
  isKept: boolean
  /** Counts outcomes by reason; nobody is named. */
  count(outcome: RefusalReason | LoginRefusal | 'answered' | 'finished'): void
}

export function createWalletLogin(q: Parts) {
  const { settings, verifier, clock } = q
  const issuersOf = ({ sources }: Pick<WalletQuestion, 'sources'>): TrustedIssuer[] => {
    const named = new Set(sources.flatMap(({ issuers }) => issuers))
    return q.issuers().filter(({ name }) => named.has(name))
  }
  /** None where one of them has no key identifier: a wallet would keep back its credentials. */
  const authoritiesOf = (source: WalletQuestion['sources'][number]): Buffer[] => {
    const ids = issuersOf({ sources: [source] })
      .filter((issuer) => issuer.types.some((type) => source.types.includes(type)))
      .flatMap((issuer) => anchorsAt(issuer, new Date(clock())))
      .map(({ extensions }) => extensions.subjectKeyIdentifier)
    const known = ids.filter((id) => id !== undefined)
    return known.length === ids.length ? known : []
  }
  const attempts = createAttempts({ clock, most: MOST_ATTEMPTS })
  const address = (what: string, id: string): string => `${settings.baseUrl}${settings.prefix}/${what}/${id}`

  function requestClaims(
    id: string,
    jwk: ReturnType<typeof makeEncryptionKey>['jwk'],
    question: WalletQuestion,
    transaction: Transaction | undefined,
  ) {
    const { needed, linkedBy } = question
    const sources = question.sources.map((one) => ({ ...one, authorities: authoritiesOf(one) }))
    const links = linkedBy === undefined ? {} : { linkedBy }
    const query = makeQuery({ needed, sources, isKept: q.isKept, ...links })
    const signing = query.credentials.filter(({ format }) => format === 'dc+sd-jwt').map(({ id }) => id)
    // Transaction data only where every credential that may be shown can sign it: wallets refuse it for
    // others.
    const isSigned = transaction !== undefined && signing.length === query.credentials.length
    return makeRequest(verifier, {
      query,
      nonce:
        transaction === undefined ? newToken() : bindingNonce(randomBytes(16), transaction.requestDigest),
      state: newToken(),
      responseUri: address('response', id),
      responseMode: 'direct_post.jwt',
      encryptionKey: jwk,
      ...(isSigned ? { transactionData: [writeTransaction(transaction, signing)] } : {}),
      issuedAt: new Date(clock()),
      // A nonce that commits to a transaction says nothing of its end: the request ends with it.
      expiresAt: new Date(
        Math.min(clock() + ATTEMPT_MS, transaction?.expires.getTime() ?? Number.POSITIVE_INFINITY),
      ),
    })
  }

  const give = (attempt: Attempt): { outcome: Outcome } | { refused: LoginRefusal } => {
    attempts.end(attempt)
    q.count('finished')
    return { outcome: attempt.outcome! }
  }
  const refuse = (refused: LoginRefusal): { refused: LoginRefusal } => {
    q.count(refused)
    return { refused }
  }

  return {
    /**
     * Throws `source_busy` when too many wait, in all or of those who begin as `by`: a network, or a person.
     * Who names none shares with all who name none. `browser` belongs into a cookie that no script reads.
     * `transaction` binds the presentation to one exchange.
     */
    begin(start: Start) {
      const { question = q, by = '' } = start
      const [id, browser] = [newToken(16), newToken()]
      const { jwk, privateKey } = makeEncryptionKey()
      const claims = requestClaims(id, jwk, question, start.transaction)
      const asked = readAsked(claims)
      // To the second of the request: what is taken later, no record could prove.
      const endsAt = asked.expiresAt.getTime()
      const parameters = new URLSearchParams({
        client_id: String(claims.client_id),
        request_uri: address('request', id),
        request_uri_method: 'post',
      })
      const walletUrl = `${settings.walletUrl}?${parameters}`
      const attempt: Attempt = {
        ...{ id, flow: start.flow, browser: digestOf(browser), claims, asked, walletUrl },
        sources: question.sources,
        ...{ decryptionKey: privateKey, fetched: undefined, state: 'waiting', refusal: undefined },
        ...{ badAnswers: 0, wrongNumbers: 0, responseCode: newToken(), outcome: undefined, endsAt },
        number: String(randomInt(10 ** DIGITS)).padStart(DIGITS, '0'),
      }
      if (!attempts.add(attempt, by)) throw new Fault('source_busy')
      return { id, browser, walletUrl, endsAt }
    },

    /** Ends what this browser began before: it begins anew, or wants no more. */
    giveUp(given: { id: string; browser: string }): void {
      const attempt = attempts.ofBrowser(given.id, given.browser)
      if (attempt !== undefined) attempts.end(attempt)
    },

    /** How far an attempt is. One of another browser, or one that is over, is `ended`. */
    look(id: string, browser: string): Looked {
      const attempt = attempts.ofBrowser(id, browser)
      if (attempt === undefined) return { state: 'ended' }
      const { flow, walletUrl, endsAt, refusal } = attempt
      const state = attempt.state === 'answered' ? 'answered' : 'waiting'
      return { state, flow, walletUrl, endsAt, ...(refusal === undefined ? {} : { refusal }) }
    },

    /** On the same device: `responseCode` came with the person from the wallet, `browser` from the cookie. */
    finish(given: { id: string; browser: string; responseCode: string }) {
      const attempt = attempts.ofBrowser(given.id, given.browser)
      if (attempt?.flow !== 'same-device') return refuse('ended')
      if (attempt.state !== 'answered') return refuse('not_answered')
      if (attempts.byCode(given.responseCode) !== attempt) {
        attempts.end(attempt)
        return refuse('code_wrong')
      }
      return give(attempt)
    },

    /**
     * The number that the phone shows to the person who has just answered there; undefined for any other
     * code.
     */
    numberFor(responseCode: string): string | undefined {
      const attempt = attempts.byCode(responseCode)
      return attempt?.flow === 'cross-device' ? attempt.number : undefined
    },

    /** With another device: the session that shows the QR code is given the number. */
    confirm(given: { id: string; browser: string; number: string }) {
      const attempt = attempts.ofBrowser(given.id, given.browser)
      if (attempt?.flow !== 'cross-device') return refuse('ended')
      if (attempt.state !== 'answered') return refuse('not_answered')
      if (attempt.number === given.number.replaceAll(/\s/g, '')) return give(attempt)
      if (++attempt.wrongNumbers >= MOST_WRONG_NUMBERS) attempts.end(attempt)
      return refuse('number_wrong')
    },

    /** For wallets: the signed request. Undefined if there is none that still waits. */
    async fetchRequest(id: string, walletNonce?: string): Promise<string | undefined> {
      const attempt = attempts.find(id)
      if (attempt?.state !== 'waiting') return undefined
      const token = await signRequest(verifier, attempt.claims, walletNonce)
      attempt.fetched = token
      return token
    },

    isWaiting: (id: string): boolean => attempts.find(id)?.state === 'waiting',

    /** For wallets: judges an answer. Throws a `Refused`; `undefined` if no attempt waits for one. */
    async takeAnswer(id: string, body: Buffer): Promise<{ redirectUri: string } | undefined> {
      const attempt = attempts.find(id)
      const { fetched } = attempt ?? {}
      if (attempt?.state !== 'waiting' || fetched === undefined) return undefined
      attempt.state = 'judging'
      try {
        attempt.outcome = await judgeAnswer(attempt, fetched, body)
        attempt.state = 'answered'
      } catch (thrown) {
        attempt.state = 'waiting'
        if (!(thrown instanceof Refused)) throw thrown
        attempt.refusal = thrown.reason
        q.count(thrown.reason)
        if (++attempt.badAnswers >= MOST_BAD_ANSWERS) attempts.end(attempt)
        throw thrown
      }
      q.count('answered')
      const code = encodeURIComponent(`${attempt.id}.${attempt.responseCode}`)
      return { redirectUri: `${settings.returnUrl[attempt.flow]}?response_code=${code}` }
    },

    size: attempts.size,
  }

  async function judgeAnswer(attempt: Attempt, request: string, body: Buffer): Promise<Outcome> {
    const { asked, decryptionKey, sources } = attempt
    const { maxStatusAgeSeconds } = settings
    const { credentials, record } = await judgeNow({
      ...{ body, asked, decryptionKey, request, maxStatusAgeSeconds },
      ...{ issuers: issuersOf({ sources }), fetchStatusList: q.fetchStatusList, clock },
    })
    for (const { id, issuer } of credentials)
      if (sources.find((source) => source.id === id)?.issuers.includes(issuer) !== true)
        throw new Refused('issuer_untrusted', 'not one of this credential')
    const issuers = [...new Set(credentials.map(({ issuer }) => issuer))]
    const said = { attributes: attributesOf(credentials, sources), issuers }
    return q.isKept ? { ...said, record: record() } : said
  }
}
