/** Passkeys of persons: added in a fresh session, listed, removed, and used to sign in. */
import { createHash, randomUUID } from 'node:crypto'
import type { Clock } from '#platform/clock.ts'
import type { Within } from '#platform/database/open-database.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import type { Confirmation } from '#platform/http-service/confirmation.ts'
import { checkUnchanged } from '#platform/people/second-person.ts'
import type { Sessions } from '#platform/sessions/create-sessions.ts'
import type { Admission } from '#platform/sessions/routes.ts'
import type { PasskeySettings } from '#platform/sessions/settings.ts'
import type { SessionStore } from '#platform/sessions/store.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { Time, Uuid } from '#schemas/sent-values.ts'
import { CHALLENGE_SECONDS, digestOf, isChallenge, makeChallenge } from './challenge.ts'
import { createCodes } from './code.ts'
import { answerInHeader } from './read-answer.ts'
import type { PasskeyRow, PasskeyStore } from './store.ts'
import { ALGORITHMS, type Asserted, type Attested, challengeIn, verifyNew, verifyUse } from './verify.ts'
import { WHY } from './why-refused.ts'

export type Passkeys = ReturnType<typeof createPasskeys>

/** What a person sees of a passkey. */
export type Passkey = {
  id: Uuid
  name: string
  createdAt: Time
  lastUsedAt: Time | null
  /** Until when it lets in without another login at the provider. */
  usableUntil: Time
  blockedAt: Time | null
}

/**
 * The outcome of signing in: the person and the passkey, or why not; `id` and `name` only of a person whose
 * passkey it is.
 */
type SignedIn = { id: Uuid; name: string; passkey: Pick<Passkey, 'id' | 'name'> }
type NotSignedIn = { refused: string; id?: Uuid; name?: string; passkey?: Pick<Passkey, 'id' | 'name'> }

const MOST_OF_A_PERSON = 10
const FRESH_MS = 10 * 60_000
const DAY_MS = 86_400_000
/** Who gives others the code for a passkey, and without whom nobody could be let in again. */
const ADMINISTRATOR = 'XROAD_SYSTEM_ADMINISTRATOR'
/**
 * Removing a passkey and locking its person need none. If one counted no more at once, a stolen session would
 * do that first, and then give the code without any. No session lasts as long as this.
 */
const LOST_MS = DAY_MS
/** A used challenge expires after five minutes; logins at the provider, which share the table, after ten. */
const FORGET_MS = 20 * 60_000
/**
 * A key whose private half nobody has: an unknown passkey is verified with it, so that it takes as long as a
 * known one.
 */
const DECOY = Buffer.from(
  'a501020326200121582047da872bd23f9e5457eb66eb9e986bb7b6bd99fd8f083ec461d8e8f96c8d2b9d' +
    '225820bc43385672c4bd75c87c2378098387ad819f4ea5e775e0b2375c16c3d5b0d074',
  'hex',
)

export function createPasskeys(q: {
  store: PasskeyStore
  sessions: Pick<Sessions, 'endThoseOf' | 'endAllOf' | 'checkKept'>
  logins: Pick<SessionStore, 'useLogin'>
  people: {
    readmit(id: string, at: string): Promise<Admission>
    find(id: string, within?: Within): Promise<{ name: string; state: string; roles: string[] } | undefined>
  }
  /** Undefined: passkeys are not in use, and nobody can add one. */
  settings: PasskeySettings | undefined
  /** The name under which authenticators show this server. */
  label: string
  clock: Clock
}) {
  const { store, settings, clock } = q
  const codes = createCodes(q)
  const iso = (ms: number): string => new Date(ms).toISOString()
  const inUse = (): PasskeySettings => {
    if (settings === undefined)
      throw new Fault('conflict', { what: say`the settings have no login.passkeys` })
    return settings
  }
  const usableUntil = (row: PasskeyRow, days: number): number => Date.parse(row.confirmed_at) + days * DAY_MS
  /** True once, on all nodes together. */
  const useOnce = (challenge: string): Promise<boolean> =>
    q.logins.useLogin(digestOf(challenge), iso(clock()), iso(clock() - FORGET_MS))
  const viewOf = (row: PasskeyRow): Passkey => ({
    ...{ id: row.id, name: row.name, createdAt: row.created_at, lastUsedAt: row.last_used_at },
    ...{ usableUntil: iso(usableUntil(row, settings?.days ?? 0)), blockedAt: row.blocked_at },
  })

  return {
    isInUse: settings !== undefined,
    of: async (person: string): Promise<Passkey[]> => (await store.of(person)).map(viewOf),
    /** For `navigator.credentials.create`. Throws `not_in_person`, `fresh_login_needed`, `conflict`. */
    async optionsFor(caller: Caller) {
      const { rpId } = inUse()
      const holder = holderOf(caller, clock())
      const known = await store.of(caller.id)
      return {
        rp: { id: rpId, name: q.label },
        user: { id: handleOf(caller.id), name: caller.name, displayName: caller.name },
        challenge: makeChallenge(await store.secret(), { purpose: 'add', holder }, clock()),
        pubKeyCredParams: ALGORITHMS.map((alg) => ({ type: 'public-key', alg })),
        timeout: CHALLENGE_SECONDS * 1000,
        excludeCredentials: known.map(({ credential: id }) => ({ type: 'public-key', id })),
        authenticatorSelection: {
          ...{ residentKey: 'required', requireResidentKey: true, userVerification: 'required' },
        },
        attestation: 'none',
      }
    },
    /**
     * `isConfirmed`: by a passkey of theirs. Where passkeys confirm acts, whoever does not confirm it needs a
     * code. Throws the faults of `optionsFor`, `passkey_refused`, `passkey_code_wrong`, `too_many_requests`.
     */
    async add(
      caller: Caller,
      { name, code, ...given }: Attested & { name: string; code?: string },
      isConfirmed = false,
    ): Promise<Passkey> {
      const site = inUse()
      const holder = holderOf(caller, clock())
      const needsCode = site.forActs && !isConfirmed
      if (needsCode) codes.check(caller.id, code)
      const challenge = challengeIn(given.clientDataJSON) ?? ''
      if (!isChallenge(challenge, await store.secret(), { purpose: 'add', holder }, clock()))
        throw new Fault('passkey_refused', {
          what: say`it took longer than five minutes, or was begun elsewhere`,
        })
      if (!(await useOnce(challenge))) throw new Fault('passkey_refused', { what: say`it was sent before` })
      const { credential, publicKey, counter } = await verifyNew(given, { ...site, challenge })
      const at = iso(clock())
      const row: PasskeyRow = {
        ...{ id: randomUUID(), person: caller.id, credential, public_key: publicKey, counter, name },
        ...{ created_at: at, confirmed_at: await confirmedAt(caller, at) },
        ...{ last_used_at: null, blocked_at: null },
      }
      // Otherwise one could be added while its person is removed, and serve who comes back under that name.
      await store.add(row, MOST_OF_A_PERSON, async (within) => {
        await checkUnchanged(caller, q.people, within)
        // Whoever removed the person's last one meanwhile, so that nothing confirmed it, ended this session.
        if (site.forActs) await q.sessions.checkKept(caller.id, caller.session?.begunAt ?? '', within)
        if (needsCode) await codes.use(caller.id, code ?? '', within)
      })
      return viewOf(row)
    },
    /** A code with which the person adds a passkey without another one. Throws `conflict`, `not_found`. */
    giveCode(person: string): Promise<{ code: string; endsAt: string }> {
      if (inUse().forActs) return codes.give(person)
      throw new Fault('conflict', { what: say`acts need no passkey here, so nobody needs a code for one` })
    },
    /** Where acts need a passkey, the code that let this person in serves once more, for their first one. */
    async acceptCode(person: string, code: string, within: Within): Promise<void> {
      if (settings?.forActs === true) await codes.accept(person, code, within)
    },
    /**
     * Ends its sessions, too; all of the person's where passkeys confirm acts: the next one may be added
     * without any, and whoever holds a session gets around none by removing it. Throws `not_found`.
     */
    remove: (person: string, id: string): Promise<void> =>
      store.remove({ person, id, at: iso(clock()) }, (within) =>
        settings?.forActs ? q.sessions.endAllOf(person, within) : q.sessions.endThoseOf(id, within),
      ),
    /** The person logged in at the provider: their passkeys serve for another while. */
    confirm: (person: string): Promise<void> => store.confirm(person, iso(clock())),
    challenge: async (): Promise<{ challenge: string; rpId: string; timeout: number }> => {
      const purpose = { purpose: 'sign in', holder: '' } as const
      return {
        challenge: makeChallenge(await store.secret(), purpose, clock()),
        ...{ rpId: inUse().rpId, timeout: CHALLENGE_SECONDS * 1000 },
      }
    },
    /** Confirms acts of great weight; undefined where they need no passkey. */
    acts: settings?.forActs === true ? acts(settings) : undefined,
    /** `challenge`: given to this browser. A reason that names no person says nothing about any passkey. */
    async signIn(given: Asserted, challenge: string): Promise<SignedIn | NotSignedIn> {
      const site = inUse()
      const purpose = { purpose: 'sign in', holder: '' } as const
      if (!isChallenge(challenge, await store.secret(), purpose, clock())) return { refused: 'expired' }
      if (!(await useOnce(challenge))) return { refused: 'replayed' }
      const row = await store.byCredential(given.id)
      const publicKey = row?.public_key ?? DECOY
      let counter: number
      try {
        counter = await verifyUse(given, { ...site, challenge, publicKey })
      } catch {
        return { refused: 'failed' }
      }
      if (row === undefined || given.userHandle !== handleOf(row.person)) return { refused: 'failed' }
      const passkey = { id: row.id, name: row.name }
      const { name = '' } = (await q.people.find(row.person)) ?? {}
      const refused = await whyUseless(row, counter, site.days)
      if (refused !== undefined) return { refused, id: row.person, name, passkey }
      const person = await q.people.readmit(row.person, iso(clock()))
      return { ...person, passkey }
    },
  }

  function acts(site: PasskeySettings): Confirmation {
    const hasOne = async ({ kind, id }: Caller): Promise<boolean> =>
      kind === 'person' &&
      (await store.of(id)).some((row) => row.blocked_at === null && clock() <= usableUntil(row, site.days))
    return {
      hasOne,
      async administratorHasOne() {
        const found = (ids: string[]) => Promise.all(ids.map((id) => q.people.find(id)))
        const holders = (await found(await store.holders())).filter((one) => one?.state === 'active')
        const losers = await found(await store.losersSince(iso(clock() - LOST_MS)))
        return [...holders, ...losers].some((one) => one?.roles.includes(ADMINISTRATOR))
      },
      async challengeFor(caller, act) {
        if (!(await hasOne(actorOf(caller))))
          throw new Fault('passkey_needed', {
            what: say`you have none here that serves: sign in at the provider and add one under My passkeys`,
          })
        const purpose = { purpose: 'act', holder: actHolder(caller, act) } as const
        return { challenge: makeChallenge(await store.secret(), purpose, clock()), rpId: site.rpId }
      },
      async confirm(caller, act, text) {
        const given = answerInHeader(text)
        const purpose = { purpose: 'act', holder: actHolder(actorOf(caller), act) } as const
        const challenge = challengeIn(given.clientDataJSON) ?? ''
        if (!isChallenge(challenge, await store.secret(), purpose, clock()))
          throw new Fault('passkey_refused', {
            what: say`it took longer than five minutes, or confirms another act or session`,
          })
        if (!(await useOnce(challenge))) throw new Fault('passkey_refused', { what: say`it was sent before` })
        const row = await store.byCredential(given.id)
        const counter = await verifyUse(given, { ...site, challenge, publicKey: row?.public_key ?? DECOY })
        if (row === undefined || row.person !== caller.id || given.userHandle !== handleOf(caller.id))
          throw new Fault('passkey_refused')
        const refused = await whyUseless(row, counter, site.days)
        if (refused !== undefined) throw new Fault('passkey_refused', { what: WHY[refused] })
        return { id: row.id, name: row.name }
      },
    }
  }

  /** Why the passkey itself lets nobody in; otherwise counts this use. */
  async function whyUseless(row: PasskeyRow, counter: number, days: number): Promise<string | undefined> {
    const now = clock()
    if (row.blocked_at !== null) return 'blocked'
    if (now > usableUntil(row, days)) return 'unconfirmed'
    if (await store.use(row.id, counter, iso(now))) return undefined
    // Whoever has the other device may have come in with it.
    await store.block(row.id, iso(now), (within) => q.sessions.endThoseOf(row.id, within))
    return 'copied'
  }

  /** A session that a passkey began confirms nothing anew: the new passkey lasts as long as the other. */
  async function confirmedAt(caller: Caller, now: string): Promise<string> {
    const began = caller.session?.passkey
    if (began === undefined) return now
    const [by] = (await store.of(caller.id)).filter(({ id }) => id === began)
    if (by === undefined) throw new Fault('session_ended')
    return by.confirmed_at
  }
}

/** What binds a challenge to this session. Throws unless it is a person's, and began a moment ago. */
function holderOf({ kind, id, session }: Caller, now: number): string {
  if (kind !== 'person' || session === undefined)
    throw new Fault('not_in_person', { what: say`an API key has no passkeys` })
  if (now - Date.parse(session.begunAt) > FRESH_MS) throw new Fault('fresh_login_needed')
  return `${id} ${session.csrfToken}`
}

/** Throws `passkey_needed` for an API key, which can have none. */
function actorOf(caller: Caller): Caller {
  if (caller.kind === 'person') return caller
  throw new Fault('passkey_needed', { what: say`an API key has no passkeys` })
}

/** What binds a challenge to one act in one session. */
function actHolder({ id, session }: Caller, act: string): string {
  return `${id} ${session?.csrfToken} ${act}`
}

/** Under which authenticators keep a person's passkeys: says nothing about the person. */
function handleOf(person: string): string {
  return createHash('sha256').update(`passkeys of ${person}`).digest('base64url')
}
