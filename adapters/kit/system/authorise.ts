/**
 * How the adapter proves to the system who it is, call by call. Secrets are read at the start, from files of
 * their own.
 */
import type { buildConnector } from 'undici'
import { readSecret } from '#platform/configuration/read-secret.ts'
import { Fault } from '#schemas/fault.ts'
import type { AuthenticationSettings } from './settings.ts'
import { createTokens } from './token.ts'

type Authorisation = {
  /** Headers for one call. Throws `source_unavailable` when they cannot be had now. */
  headers(): Promise<Record<string, string>>
  /** The system refused a call with these headers: true if another attempt would have others. */
  renew(refused: Record<string, string>): boolean
  /** Whether a refusal (401) concerns the adapter, and not the client. */
  isOwn: boolean
  close(): Promise<void>
}

const SCHEME = 'Bearer '
/** RFC 9110 section 5.5, without what is only there for old times. */
const FIELD_VALUE = /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/

const fixed = (headers: Record<string, string>, isOwn = true): Authorisation => ({
  headers: async () => headers,
  renew: () => false,
  isOwn,
  close: async () => undefined,
})

/** Throws `invalid_configuration` for a secret that cannot be read or sent. */
export async function openAuthorisation(
  settings: AuthenticationSettings | undefined,
  tls: buildConnector.BuildOptions,
): Promise<Authorisation> {
  if (settings === undefined) return fixed({}, false)
  const secret = await readSecret(settings.secretFile)
  if (settings.kind === 'basic')
    return fixed({ authorization: `Basic ${Buffer.from(`${settings.user}:${secret}`).toString('base64')}` })
  if (settings.kind === 'header') {
    if (!FIELD_VALUE.test(secret))
      throw new Fault('invalid_configuration', { what: `${settings.secretFile} holds what no header can` })
    return fixed({ [settings.header!.toLowerCase()]: secret })
  }
  const { tokenUrl, clientId, scope, resource } = settings
  const tokens = createTokens({
    ...{ tokenUrl: tokenUrl!, clientId: clientId!, clientSecret: secret },
    ...{ scope, resource, tls },
  })
  return {
    headers: async () => ({ authorization: SCHEME + (await tokens.current()) }),
    renew: ({ authorization = '' }) => {
      tokens.forget(authorization.slice(SCHEME.length))
      return true
    },
    isOwn: true,
    close: tokens.close,
  }
}

/** The header that carries the proof, in lower case; a client's own header of this name never passes. */
export function authenticationHeader(settings: AuthenticationSettings | undefined): string | undefined {
  if (settings === undefined) return undefined
  return settings.kind === 'header' ? settings.header?.toLowerCase() : 'authorization'
}
