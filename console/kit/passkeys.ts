/**
 * What the browser does with passkeys: it makes one for an account here, and answers a challenge with one.
 */
import { ApiFault, askLogin } from './api.ts'
import { text } from './text.ts'

/** How people sign in at this server. */
export type Means = {
  /** The page of the login; undefined for a server without one. */
  login?: string
  passkeys: boolean
  /** Whoever logs in now can become an administrator by a code of the operator. */
  takesCode: boolean
}

type Told = { origin: string; passkeys: boolean; takesCode: boolean }

/**
 * Neither for a server without a login, which has no such route. Who opened the page at another address of
 * the server signs in at its own: the provider sends them back there, and there alone their passkeys serve.
 * Throws NoAnswer.
 */
export async function meansOfLogin(): Promise<Means> {
  try {
    const { origin, passkeys, takesCode } = await askLogin<Told>('GET', 'means')
    const isHere = origin === location.origin
    return {
      login: isHere ? '/login' : `${origin}/login`,
      passkeys: passkeys && isHere && hasPasskeys(),
      takesCode,
    }
  } catch (cause) {
    if (cause instanceof ApiFault && cause.status >= 400 && cause.status < 500)
      return { passkeys: false, takesCode: false }
    throw cause
  }
}

/** False in old browsers, and on pages that came neither by TLS nor from this machine. */
export function hasPasskeys(): boolean {
  return typeof PublicKeyCredential === 'function'
}

type Challenge = { challenge: string; rpId: string; timeout: number }

/** For as long as the server takes the answer. */
const CONFIRM_MS = 300_000

/** Begins a session with a passkey that the person picks. Throws ApiFault. */
export async function signInWithPasskey(): Promise<void> {
  const { challenge, rpId, timeout } = await askLogin<Challenge>('POST', 'passkey/challenge')
  await askLogin('POST', 'passkey', await assertionFor({ challenge, rpId, timeout }))
}

/** Confirms an act with a passkey, as the header `X-Passkey-Assertion` has it. Throws ApiFault. */
export async function confirmWithPasskey(q: Omit<Challenge, 'timeout'>): Promise<string> {
  const answer = JSON.stringify(await assertionFor({ ...q, timeout: CONFIRM_MS }))
  return textOf(new TextEncoder().encode(answer).buffer)
}

async function assertionFor({ challenge, rpId, timeout }: Challenge) {
  if (!hasPasskeys()) throw new ApiFault(400, { message: text('passkeys.cancelled') })
  const found = await unlessCancelled(() =>
    navigator.credentials.get({
      publicKey: { challenge: bytesOf(challenge), rpId, timeout, userVerification: 'required' },
    }),
  )
  const { authenticatorData, clientDataJSON, signature, userHandle } =
    found.response as AuthenticatorAssertionResponse
  return {
    id: textOf(found.rawId),
    clientDataJSON: textOf(clientDataJSON),
    authenticatorData: textOf(authenticatorData),
    signature: textOf(signature),
    userHandle: textOf(userHandle ?? new ArrayBuffer(0)),
  }
}

/** The options of the API: bytes are base64url. */
export type NewPasskeyOptions = Omit<
  PublicKeyCredentialCreationOptions,
  'challenge' | 'user' | 'excludeCredentials'
> & {
  challenge: string
  user: { id: string; name: string; displayName: string }
  excludeCredentials: { type: 'public-key'; id: string }[]
}

type NewPasskey = { id: string; clientDataJSON: string; attestationObject: string }

/** Has the browser make a passkey. Throws ApiFault. */
export async function makePasskey(options: NewPasskeyOptions): Promise<NewPasskey> {
  const made = await unlessCancelled(() =>
    navigator.credentials.create({
      publicKey: {
        ...options,
        challenge: bytesOf(options.challenge),
        user: { ...options.user, id: bytesOf(options.user.id) },
        excludeCredentials: options.excludeCredentials.map(({ type, id }) => ({ type, id: bytesOf(id) })),
      },
    }),
  )
  const { clientDataJSON, attestationObject } = made.response as AuthenticatorAttestationResponse
  return {
    id: textOf(made.rawId),
    clientDataJSON: textOf(clientDataJSON),
    attestationObject: textOf(attestationObject),
  }
}

/**
 * Browsers say the same for a person who cancels, one who has no passkey here, and a device that gave no
 * answer in time.
 */
async function unlessCancelled(ask: () => Promise<Credential | null>): Promise<PublicKeyCredential> {
  const credential = await ask().catch((cause: unknown) => {
    const isKnown = cause instanceof DOMException && cause.name === 'InvalidStateError'
    throw new ApiFault(400, { message: text(isKnown ? 'passkeys.isKnown' : 'passkeys.cancelled') })
  })
  if (credential === null) throw new ApiFault(400, { message: text('passkeys.cancelled') })
  return credential as PublicKeyCredential
}

function bytesOf(base64url: string): Uint8Array<ArrayBuffer> {
  const binary = atob(base64url.replaceAll('-', '+').replaceAll('_', '/'))
  return Uint8Array.from(binary, (sign) => sign.charCodeAt(0))
}

function textOf(bytes: ArrayBuffer): string {
  const binary = String.fromCharCode(...new Uint8Array(bytes))
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
}
