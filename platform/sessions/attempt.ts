/**
 * One attempt to log in: its cookie ties the callback to the browser that began. State, nonce and PKCE verifier follow
 * from the cookie, so a callback that belongs to another browser, or to a changed beginning, does not fit.
 */
import { createHash, createHmac, randomBytes } from 'node:crypto'

export type Attempt = { state: string; nonce: string; codeVerifier: string; digest: Buffer }

export const ATTEMPT_SECONDS = 600
const FORM = /^(\d{13})\.[A-Za-z0-9_-]{43}$/

/** The value of the cookie for an attempt that begins now. */
export function beginAttempt(now: number): string {
  return `${String(now).padStart(13, '0')}.${randomBytes(32).toString('base64url')}`
}

/** What belongs to the cookie; undefined when it is none of ours or older than ten minutes. */
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
