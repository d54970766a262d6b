/**
 * One attempt to log in. Its cookie binds the callback to the browser that began the attempt. State, nonce
 * and PKCE verifier are derived from the cookie, so a callback of another browser, or of a manipulated start,
 * does not match.
 */
import { createHash, createHmac, randomBytes } from 'node:crypto'

export type Attempt = { state: string; nonce: string; codeVerifier: string; digest: Buffer }

export const ATTEMPT_SECONDS = 600
const FORM = /^(\d{13})\.[A-Za-z0-9_-]{43}$/

/** The cookie value for an attempt that begins now. */
export function beginAttempt(now: number): string {
  return `${String(now).padStart(13, '0')}.${randomBytes(32).toString('base64url')}`
}

/** The attempt of a cookie; undefined if the cookie is malformed or older than ten minutes. */
export function attemptOf(cookie: string | undefined, now: number): Attempt | undefined {
  const begun = FORM.exec(cookie ?? '')?.[1]
  if (cookie === undefined || begun === undefined) return undefined
  const age = now - Number(begun)
  if (age < 0 || age > ATTEMPT_SECONDS * 1000) return undefined
  const derive = (what: string): string => createHmac('sha256', cookie).update(what).digest('base64url')
  return {
    state: derive('state'),
    nonce: derive('nonce'),
    codeVerifier: derive('code verifier'),
    digest: createHash('sha256').update(cookie).digest(),
  }
}
