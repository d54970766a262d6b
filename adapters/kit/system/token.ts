/**
 * Access tokens by OAuth 2 client credentials (RFC 6749 section 4.4): one is asked for at a time, and kept
 * until shortly before its end. The answer of the token endpoint is bounded in time and size, and no redirect
 * is followed.
 */
import { Agent, fetch as boundedFetch, type buildConnector } from 'undici'
import { Fault } from '#schemas/fault.ts'

type TokenSettings = {
  tokenUrl: string
  clientId: string
  clientSecret: string
  scope: string | undefined
  resource: string | undefined
  tls: buildConnector.BuildOptions
}

type Tokens = {
  /** A token that is valid for a while yet. Throws `source_unavailable`. */
  current(): Promise<string>
  /** The system refused this token: the next call asks for another. */
  forget(token: string): void
  close(): Promise<void>
}

const TIMEOUT_SECONDS = 10
const MAX_BYTES = 64 * 1024
/** A token is no longer used in the last tenth of its life, at most the last half minute. */
const MARGIN = 0.1
const MAX_MARGIN_SECONDS = 30
/** RFC 6750 section 2.1: what may stand behind `Bearer `. */
const BEARER = /^[A-Za-z0-9._~+/-]+=*$/

export function createTokens(q: TokenSettings): Tokens {
  const dispatcher = new Agent({
    connect: q.tls,
    maxResponseSize: MAX_BYTES,
    headersTimeout: TIMEOUT_SECONDS * 1000,
    bodyTimeout: TIMEOUT_SECONDS * 1000,
  })
  let kept: { token: string; until: number } | undefined
  let asked: Promise<string> | undefined

  async function ask(): Promise<string> {
    const library = await import('openid-client')
    const { origin, protocol } = new URL(q.tokenUrl)
    const configuration = new library.Configuration(
      { issuer: origin, token_endpoint: q.tokenUrl },
      q.clientId,
      undefined,
      library.ClientSecretBasic(q.clientSecret),
    )
    configuration[library.customFetch] = (url, options) =>
      boundedFetch(url, { ...(options as object), dispatcher, redirect: 'error' }) as Promise<Response>
    configuration.timeout = TIMEOUT_SECONDS
    // The settings allow plain HTTP for a loopback address only.
    if (protocol === 'http:') library.allowInsecureRequests(configuration)
    const { scope, resource } = q
    const given = await library
      .clientCredentialsGrant(configuration, { ...(scope && { scope }), ...(resource && { resource }) })
      .catch((thrown: unknown) => {
        throw refused(thrown)
      })
    const { access_token: token, token_type: type } = given
    if (type !== 'bearer' || !BEARER.test(token)) throw refused(new Error('it gave no bearer token'))
    const seconds = given.expiresIn()
    const life = seconds === undefined ? 0 : seconds - Math.min(seconds * MARGIN, MAX_MARGIN_SECONDS)
    // Without a lifetime it is used until it is refused.
    kept = {
      token,
      until: seconds === undefined ? Number.POSITIVE_INFINITY : performance.now() + life * 1000,
    }
    return token
  }

  return {
    async current() {
      if (kept !== undefined && performance.now() < kept.until) return kept.token
      asked ??= ask().finally(() => {
        asked = undefined
      })
      return asked
    },
    forget: (token) => {
      if (kept?.token === token) kept = undefined
    },
    close: () => dispatcher.destroy(),
  }
}

/**
 * With the reason for the log: a code of RFC 6749 section 5.2 at most, none of what the endpoint wrote beside
 * it.
 */
function refused(thrown: unknown): Fault {
  const { error, status } = thrown as { error?: unknown; status?: unknown }
  const code = typeof error === 'string' && /^[a-z_]{1,60}$/.test(error) ? error : undefined
  const cause = code === undefined ? thrown : new Error(`the token endpoint answered ${status} ${code}`)
  return new Fault('source_unavailable', { cause })
}
