/**
 * The client of the OpenID provider. It learns who has just logged in from a signed ID token for our client,
 * with our nonce, and for a login within the attempt. Every answer is bounded in time and size.
 */
import { Agent, fetch as boundedFetch } from 'undici'
import { isPlainText } from '#platform/plain-text.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { ATTEMPT_SECONDS, type Attempt } from './attempt.ts'

/** The person who logged in, according to the provider. Roles are never taken from it. */
export type Identity = {
  issuer: string
  subject: string
  name: string
  /** Only an address that the provider has verified. */
  email: string | undefined
  /** What the claim that the settings name says; undefined without it. */
  claim?: string | undefined
}

export type OpenIdClient = {
  /** The address to which the browser is sent to log in. Throws `login_provider_failed`. */
  addressFor(attempt: Attempt): Promise<string>
  /**
   * The person who came back with this address. Throws `login_failed`, or `login_provider_failed` if the
   * provider does not answer.
   */
  identify(callback: URL, attempt: Attempt): Promise<Identity>
  close(): Promise<void>
}

type OpenIdSettings = {
  issuer: string
  clientId: string
  clientSecret: string
  redirectUri: string
  /** 'openid profile email' when absent. */
  scope?: string
  /** The claim that is wanted besides, such as the code of a person. */
  claim?: string
  /** A claim that has to say this, alone or in a list: whoever lacks it is not logged in. */
  required?: { claim: string; value: string }
  /**
   * The authentication context classes of which the login must have one (OpenID Connect Core, section 2,
   * `acr`).
   */
  acr?: string[]
}

type Library = typeof import('openid-client')

const TIMEOUT_SECONDS = 10
const MAX_BYTES = 256 * 1024
const MAX_TEXT = 255

export function createOpenIdClient(q: OpenIdSettings): OpenIdClient {
  const dispatcher = new Agent({
    maxResponseSize: MAX_BYTES,
    headersTimeout: TIMEOUT_SECONDS * 1000,
    bodyTimeout: TIMEOUT_SECONDS * 1000,
  })
  const fetchBounded = (url: string, options: object): Promise<Response> =>
    boundedFetch(url, { ...options, dispatcher, redirect: 'error' }) as Promise<Response>

  async function discover(): Promise<{ library: Library; provider: Provider }> {
    const library = await import('openid-client')
    const provider = await library
      .discovery(new URL(q.issuer), q.clientId, undefined, library.ClientSecretBasic(q.clientSecret), {
        [library.customFetch]: fetchBounded,
        timeout: TIMEOUT_SECONDS,
        execute: [
          // The settings allow plain HTTP for a loopback address only.
          ...(q.issuer.startsWith('http:') ? [library.allowInsecureRequests] : []),
          // The signature of the ID token is verified, in addition to the TLS connection.
          library.enableNonRepudiationChecks,
        ],
      })
      .catch((cause: unknown) => {
        throw new Fault('login_provider_failed', { what: q.issuer, cause })
      })
    return { library, provider }
  }
  // Discovered on first use: a registry starts without its provider.
  let found: ReturnType<typeof discover> | undefined
  const provider = async (): ReturnType<typeof discover> => {
    found ??= discover()
    return await found.catch((thrown: unknown) => {
      found = undefined
      throw thrown
    })
  }

  return {
    async addressFor({ state, nonce, codeVerifier }) {
      const { library, provider: configuration } = await provider()
      return library.buildAuthorizationUrl(configuration, {
        redirect_uri: q.redirectUri,
        scope: q.scope ?? 'openid profile email',
        state,
        nonce,
        code_challenge: await library.calculatePKCECodeChallenge(codeVerifier),
        code_challenge_method: 'S256',
        // So that a person at a browser that somebody left logged in at the provider has to log in.
        prompt: 'login',
        max_age: String(ATTEMPT_SECONDS),
        ...(q.acr === undefined ? {} : { acr_values: q.acr.join(' ') }),
      }).href
    },
    async identify(callback, { state, nonce, codeVerifier }) {
      const { library, provider: configuration } = await provider()
      try {
        const tokens = await library.authorizationCodeGrant(configuration, callback, {
          expectedState: state,
          expectedNonce: nonce,
          pkceCodeVerifier: codeVerifier,
          idTokenExpected: true,
          maxAge: ATTEMPT_SECONDS,
        })
        const claims = tokens.claims()
        if (claims === undefined) throw new Error('there is no ID token')
        if (q.acr !== undefined && !q.acr.includes(String(claims['acr'])))
          throw new Error('the login was weaker than the settings want')
        // Many providers return name and e-mail only here; the subject must be the same.
        const facts =
          configuration.serverMetadata().userinfo_endpoint === undefined
            ? claims
            : await library.fetchUserInfo(configuration, tokens.access_token, claims.sub)
        const all: Record<string, unknown> = { ...claims, ...facts }
        if (q.required !== undefined && !says(all, q.required))
          throw new Error('the provider says that they may not log in here')
        const identity = identityOf(claims.iss, claims.sub, all)
        return q.claim === undefined ? identity : { ...identity, claim: claimOf(all, q.claim) }
      } catch (cause) {
        if (isAway(cause)) throw new Fault('login_provider_failed', { what: q.issuer, cause })
        throw new Fault('login_failed', { what: say`the provider did not confirm it`, cause })
      }
    },
    close: () => dispatcher.close(),
  }
}

type Provider = Awaited<ReturnType<Library['discovery']>>

/**
 * Whether the provider could not be reached, was too slow, or reported a failure of its own: nobody's login
 * is wrong then.
 */
function isAway(thrown: unknown): boolean {
  const { status, code, cause, message } = thrown as Partial<Record<string, unknown>>
  const answered = status ?? (cause as { status?: unknown } | undefined)?.status
  if (typeof answered === 'number') return answered >= 500
  return ['OAUTH_TIMEOUT', 'OAUTH_ABORT'].includes(String(code)) || message === 'fetch failed'
}

function says(claims: Record<string, unknown>, { claim, value }: { claim: string; value: string }): boolean {
  return Object.hasOwn(claims, claim) && [claims[claim]].flat().includes(value)
}

/** Undefined if there is none, or it is no text. */
function claimOf(claims: Record<string, unknown>, name: string): string | undefined {
  const value = Object.hasOwn(claims, name) ? claims[name] : undefined
  return isPlainText(value, MAX_TEXT) ? value : undefined
}

/** Throws for a malformed subject. A name that is not printable is replaced by the subject. */
function identityOf(issuer: string, subject: string, claims: Record<string, unknown>): Identity {
  // OpenID Connect Core, section 2.
  if (!/^[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?$/.test(subject))
    throw new Error('a subject has 1 to 255 ASCII characters')
  const { name, email, email_verified: verified } = claims
  return {
    issuer,
    subject,
    name: isPlainText(name, MAX_TEXT) ? name : subject,
    email: verified === true && isPlainText(email, MAX_TEXT) ? email : undefined,
  }
}
