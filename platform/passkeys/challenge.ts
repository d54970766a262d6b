/**
 * Challenges that need no row until they come back: a time and random bytes, authenticated with what they are
 * for by a secret that all nodes share. So nobody can choose a challenge, keep one for later, or use one for
 * something else.
 */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

/** `holder` is whatever only the asking browser or session can present again. */
type ChallengeFor = { purpose: 'sign in' | 'add' | 'act'; holder: string }

export const CHALLENGE_SECONDS = 300
const TIME_BYTES = 6
const RANDOM_BYTES = 16
const FORM = /^[A-Za-z0-9_-]{72}$/

export function makeChallenge(secret: Buffer, q: ChallengeFor, now: number): string {
  const head = Buffer.alloc(TIME_BYTES + RANDOM_BYTES)
  head.writeUIntBE(now, 0, TIME_BYTES)
  randomBytes(RANDOM_BYTES).copy(head, TIME_BYTES)
  return Buffer.concat([head, seal(secret, head, q)]).toString('base64url')
}

/**
 * Whether this is a challenge of ours for exactly this, not older than five minutes. Says nothing about
 * earlier uses.
 */
export function isChallenge(text: string, secret: Buffer, q: ChallengeFor, now: number): boolean {
  if (!FORM.test(text)) return false
  const bytes = Buffer.from(text, 'base64url')
  const head = bytes.subarray(0, TIME_BYTES + RANDOM_BYTES)
  if (!timingSafeEqual(bytes.subarray(head.length), seal(secret, head, q))) return false
  const age = now - head.readUIntBE(0, TIME_BYTES)
  return age >= 0 && age <= CHALLENGE_SECONDS * 1000
}

/** Under which a used challenge is remembered. */
export function digestOf(challenge: string): Buffer {
  return createHash('sha256').update('passkey challenge ').update(challenge).digest()
}

function seal(secret: Buffer, head: Buffer, { purpose, holder }: ChallengeFor): Buffer {
  return createHmac('sha256', secret).update(head).update(`${purpose}\n${holder}`).digest()
}
