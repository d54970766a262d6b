/**
 * Verifies what an authenticator signed, with the library, and what the library leaves to its caller. Nothing
 * here knows persons, sessions or rows.
 */
import { Fault } from '#schemas/fault.ts'

/** Where passkeys are used: the origin of our pages, and the domain for which authenticators keep them. */
type Site = { origin: string; rpId: string }

/** The answer of `navigator.credentials.create`; every text is base64url. */
export type Attested = { id: string; clientDataJSON: string; attestationObject: string }

/** The answer of `navigator.credentials.get`. */
export type Asserted = AssertedKnown & { userHandle: string }

/** The same without whose passkey it is, which who named the passkey knows. */
export type AssertedKnown = {
  id: string
  clientDataJSON: string
  authenticatorData: string
  signature: string
}

/** COSE: ES256, EdDSA, RS256. The library's own list would ask Node for algorithms that it warns about. */
export const ALGORITHMS = [-7, -8, -257]

/** A longer RSA key would make each use of it expensive for us. */
const MAX_KEY_BYTES = 600

/** The challenge that the browser was given, by its own word; `undefined` if it says none. */
export function challengeIn(clientDataJSON: string): string | undefined {
  try {
    const { challenge } = JSON.parse(Buffer.from(clientDataJSON, 'base64url').toString()) as Client
    return typeof challenge === 'string' ? challenge : undefined
  } catch {
    return undefined
  }
}

/** A new passkey, whose authenticator verified its user. Throws `passkey_refused`. */
export async function verifyNew(
  given: Attested,
  q: Site & { challenge: string },
): Promise<{ credential: string; publicKey: Buffer; counter: number }> {
  return refusing(async () => {
    checkFrame(given.clientDataJSON)
    await checkAttestation(given.attestationObject)
    const { verifyRegistrationResponse } = await loadLibrary()
    const { id, clientDataJSON, attestationObject } = given
    const found = await verifyRegistrationResponse({
      response: {
        ...{ id, rawId: id, type: 'public-key', clientExtensionResults: {} },
        response: { clientDataJSON, attestationObject },
      },
      ...{ expectedChallenge: q.challenge, expectedOrigin: q.origin, expectedRPID: q.rpId },
      ...{ requireUserVerification: true, supportedAlgorithmIDs: ALGORITHMS },
    })
    const credential = found.registrationInfo?.credential
    if (credential === undefined) throw new Error('the attestation is not signed by the new key')
    if (credential.publicKey.length > MAX_KEY_BYTES)
      throw new Error('the key is longer than RSA with 4096 bits')
    if (credential.id !== id) throw new Error('the credential has another id than its authenticator says')
    return {
      credential: id,
      publicKey: Buffer.from(credential.publicKey),
      counter: credential.counter,
    }
  })
}

/** The authenticator's signature counter, after it verified its user and signed. Throws `passkey_refused`. */
export async function verifyUse(
  given: AssertedKnown,
  q: Site & { challenge: string; publicKey: Buffer },
): Promise<number> {
  return refusing(async () => {
    checkFrame(given.clientDataJSON)
    const { verifyAuthenticationResponse } = await loadLibrary()
    const { id, ...response } = given
    const { verified, authenticationInfo } = await verifyAuthenticationResponse({
      response: { id, rawId: id, type: 'public-key', clientExtensionResults: {}, response },
      ...{ expectedChallenge: q.challenge, expectedOrigin: q.origin, expectedRPID: q.rpId },
      // The library compares the counter before the signature, so anybody could make it report a copy. The
      // store compares it.
      credential: { id, publicKey: new Uint8Array(q.publicKey), counter: 0 },
      requireUserVerification: true,
    })
    if (!verified) throw new Error('the signature is wrong')
    return authenticationInfo.newCounter
  })
}

type Client = { challenge?: unknown; crossOrigin?: unknown; topOrigin?: unknown }

/**
 * Our pages are never framed. The library accepts a frame whose outer page is not named, and does not look at
 * new passkeys.
 */
function checkFrame(clientDataJSON: string): void {
  const { crossOrigin, topOrigin } = JSON.parse(Buffer.from(clientDataJSON, 'base64url').toString()) as Client
  if ((crossOrigin !== undefined && crossOrigin !== false) || topOrigin !== undefined)
    throw new Error('it was asked for in a frame of another page')
}

/**
 * No certificates: who made an authenticator is not our question, and the library would fetch revocation
 * lists from addresses that the sender wrote.
 */
async function checkAttestation(attestationObject: string): Promise<void> {
  await import('reflect-metadata')
  const { decodeAttestationObject } = await import('@simplewebauthn/server/helpers')
  const decoded = decodeAttestationObject(new Uint8Array(Buffer.from(attestationObject, 'base64url')))
  const format = decoded.get('fmt')
  const isSelf = format === 'packed' && decoded.get('attStmt').get('x5c') === undefined
  if (format !== 'none' && !isSelf) throw new Error(`attestation ${JSON.stringify(format)} is not asked for`)
}

async function refusing<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (cause) {
    throw new Fault('passkey_refused', { cause })
  }
}

async function loadLibrary(): Promise<typeof import('@simplewebauthn/server')> {
  // Its own import of the Reflect metadata API is lost in servers that are built into few files.
  await import('reflect-metadata')
  return import('@simplewebauthn/server')
}
