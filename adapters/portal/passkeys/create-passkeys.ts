/**
 * Passkeys of people who come back. A passkey is added in a session that began a moment ago at the provider
 * or with a wallet; later it signs its person in from the same browser, to look. Guarantees that it does so
 * only with the slip of this browser, before its end, with a device that verified its user, and for each
 * challenge once. Nothing about anybody is kept here.
 */
import { createHash, randomBytes } from 'node:crypto'
import type { Clock } from '#platform/clock.ts'
import { CHALLENGE_SECONDS, digestOf, isChallenge, makeChallenge } from '#platform/passkeys/challenge.ts'
import { answerOfKnownIn } from '#platform/passkeys/read-answer.ts'
import { ALGORITHMS, challengeIn, verifyNew, verifyUse } from '#platform/passkeys/verify.ts'
import type { Person, Session } from '../login/sessions.ts'
import { createUsedAttempts } from '../login/used-attempts.ts'
import type { Slips } from './slip.ts'

export type Passkeys = ReturnType<typeof createPasskeys>

/** Why nobody is let in, or nothing was added. */
type NotDone = 'expired' | 'passkey'

const FRESH_MS = 10 * 60_000
const DAY_MS = 86_400_000
const MOST_NEW = 8192

export function createPasskeys(q: {
  slips: Slips
  /** Where browsers reach the portal. */
  origin: string
  days: number
  /** What authenticators call the portal. */
  label: string
  clock: Clock
}) {
  const { slips, origin, days, label, clock } = q
  const rpId = new URL(origin).hostname
  // Of this process alone, as sessions are: a challenge serves where it was made, and so no two nodes take
  // it.
  const secret = randomBytes(32)
  const used = createUsedAttempts(clock)
  const timeout = CHALLENGE_SECONDS * 1000

  /** Whether it is a challenge for this, made a moment ago and never answered; from now on it was. */
  function take(challenge: string, purpose: 'sign in' | 'add', holder: string): boolean {
    return isChallenge(challenge, secret, { purpose, holder }, clock()) && used.use(digestOf(challenge))
  }

  /** By the days of today, whatever they were when the slip was given. */
  const endOf = (begunAt: number): number => begunAt + days * DAY_MS

  const current = (text: string | undefined) => {
    const slip = slips.open(text ?? '')
    return slip !== undefined && clock() < endOf(slip.begunAt) ? slip : undefined
  }

  return {
    days,
    /**
     * Whether who is signed in so may add one: a session of a passkey would go on for ever, and one that was
     * left open is whoever's.
     */
    mayAdd: ({ by, begunAt }: Session): boolean => by !== 'passkey' && clock() - begunAt <= FRESH_MS,
    /** What the browser hands to `navigator.credentials.create`. */
    optionsFor({ person, csrfToken }: Session) {
      const name = person.name || label
      return {
        rp: { id: rpId, name: label },
        user: { id: slips.handleOf(person), name, displayName: name },
        challenge: makeChallenge(secret, { purpose: 'add', holder: csrfToken }, clock()),
        pubKeyCredParams: ALGORITHMS.map((alg) => ({ type: 'public-key', alg })),
        timeout,
        authenticatorSelection: {
          ...{ residentKey: 'required', requireResidentKey: true, userVerification: 'required' },
        },
        attestation: 'none',
      }
    },
    /** The slip for the browser, and how many seconds it serves. */
    async add(
      { person, csrfToken, begunAt }: Session,
      form: URLSearchParams,
    ): Promise<{ slip: string; seconds: number } | NotDone> {
      const field = (name: string): string => form.get(name) ?? ''
      const [clientDataJSON, attestationObject] = [field('clientDataJSON'), field('attestationObject')]
      if (clientDataJSON.length + attestationObject.length > MOST_NEW) return 'passkey'
      const challenge = challengeIn(clientDataJSON) ?? ''
      if (!take(challenge, 'add', csrfToken)) return 'expired'
      const given = { id: field('id'), clientDataJSON, attestationObject }
      const made = await verifyNew(given, { origin, rpId, challenge }).catch(() => undefined)
      if (made === undefined) return 'passkey'
      const slip = slips.seal({ ...made, person, begunAt })
      return slip === undefined ? 'passkey' : { slip, seconds: Math.floor((endOf(begunAt) - clock()) / 1000) }
    },
    /** What the browser hands to `navigator.credentials.get`; undefined where its slip lets nobody in. */
    requestFor(text: string | undefined) {
      const slip = current(text)
      if (text === undefined || slip === undefined) return undefined
      return {
        challenge: makeChallenge(secret, { purpose: 'sign in', holder: holderOf(text) }, clock()),
        allowCredentials: [{ type: 'public-key', id: slip.credential }],
        ...{ rpId, timeout, userVerification: 'required' },
      }
    },
    async signIn(text: string | undefined, form: URLSearchParams): Promise<Person | NotDone> {
      const slip = current(text)
      if (text === undefined || slip === undefined) return 'expired'
      try {
        const given = answerOfKnownIn(Object.fromEntries([...form].filter(([name]) => name !== 'language')))
        const challenge = challengeIn(given.clientDataJSON) ?? ''
        if (!take(challenge, 'sign in', holderOf(text))) return 'expired'
        if (given.id !== slip.credential) return 'passkey'
        // Its counter is not looked at: nothing is kept that it could be compared with.
        await verifyUse(given, { origin, rpId, challenge, publicKey: slip.publicKey })
        return slip.person
      } catch {
        return 'passkey'
      }
    },
  }
}

function holderOf(slip: string): string {
  return createHash('sha256').update(slip).digest('base64url')
}
