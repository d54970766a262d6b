/**
 * The steps of a renewal, one after the other: wait, order, register (authentication), activate, retire the
 * certificate before. Each looks at how things stand and says what changes, so that it may be run again after
 * a crash at any point.
 */
import { type Certificate, parseCertificate } from '#core/certificate/certificate.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { memberOf, parseMemberId } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import { askRenewalInfo } from './acme/renewal-info.ts'
import type { RenewalState } from './migrations.ts'
import { acmeCaOf, directoryOf, holds, order, type Save } from './order.ts'
import { iso, type RenewalRooms } from './rooms.ts'
import { renewAt, retiredBy } from './rules.ts'
import type { Renewal } from './store.ts'

/**
 * So long both certificates stay in use: peers know a new one after two minutes, and what was begun with the
 * old one ends.
 */
const SETTLE_MS = 600_000
const LOOK_MS = 60_000
const ASK_AGAIN_MS = 6 * 3600_000
/** A CA that revokes or withholds each certificate that it gives is not asked without end. */
const ORDER_AGAIN_MS = 3600_000

/**
 * `note` is said in the list of steps; `waitsFor` what others have to do before the step can end, said when
 * it lasts too long.
 */
type Change = Partial<Renewal> & { next_at: string; note?: string; waitsFor?: Fault }
type Step = (rooms: RenewalRooms, row: Renewal, save: Save, signal: AbortSignal) => Promise<Change>

export const STEPS: Record<RenewalState, Step> = {
  WAITING: waitForTime,
  ORDERING: orderNext,
  REGISTERING: unlessLost(register),
  ACTIVATING: unlessLost(activate),
  RETIRING: unlessLost(retire),
}

/**
 * Nothing is ordered before its time: the CA's own, or the share of the life; what is missing or revoked is
 * ordered at once.
 */
async function waitForTime(rooms: RenewalRooms, row: Renewal): Promise<Change> {
  const { keys, clock } = rooms
  const now = iso(clock())
  if (row.current === null || !holds(keys, row.current))
    return { state: 'ORDERING', next_at: now, note: 'there is none' }
  if (keys.certificate(row.current).ocsp.state === 'revoked')
    return { state: 'ORDERING', next_at: now, note: 'revoked' }
  const certificate = parseCertificate(keys.certificateDer(row.current))
  // A CA that cannot be asked now is asked later; the share of the life holds meanwhile.
  let silence: string | undefined
  const window = await askCa(rooms, row, certificate).catch((thrown: unknown) => {
    silence = asFault(thrown).message.slice(0, 500)
  })
  const chance = Number.parseInt(certificate.sha256.slice(0, 4), 16) / 0x10000
  const at = renewAt(certificate, { share: rooms.share, window: window ?? undefined, chance }).getTime()
  if (at <= clock())
    return { state: 'ORDERING', next_at: now, note: window ? 'the CA says so' : 'its time has come' }
  const again = window === undefined ? ASK_AGAIN_MS : window.askAgainSeconds * 1000
  return {
    next_at: iso(Math.min(at, clock() + again)),
    ...(silence === undefined ? {} : { note: silence }),
  }
}

async function askCa(rooms: RenewalRooms, row: Renewal, certificate: Certificate) {
  return askRenewalInfo(rooms.http, await directoryOf(rooms, acmeCaOf(rooms, row.ca)), certificate)
}

/** The next certificate is here and checked; the one before is in use. */
async function orderNext(
  rooms: RenewalRooms,
  row: Renewal,
  save: Save,
  signal: AbortSignal,
): Promise<Change> {
  const { sha256 } = await order(rooms, row, save, signal)
  return {
    state: row.usage === 'AUTHENTICATION' ? 'REGISTERING' : 'ACTIVATING',
    ...{
      next_certificate: sha256,
      order_url: null,
      filed_at: null,
      filed_request: null,
      next_at: iso(rooms.clock()),
      note: sha256,
    },
  }
}

/**
 * A next certificate that ended, was revoked, or that somebody removed leads nowhere: another one is ordered,
 * with another key.
 */
function unlessLost(step: Step): Step {
  return async (rooms, row, save, signal) => {
    const { next_certificate: next } = row
    const note = await lossOf(rooms, next)
    if (note === undefined) return step(rooms, row, save, signal)
    return {
      ...(next === null ? {} : { retired: withRetired(rooms, row, next) }),
      ...{ state: 'ORDERING', key_id: null, order_url: null, next_certificate: null, note },
      ...{ filed_at: null, filed_request: null },
      next_at: iso(rooms.clock() + ORDER_AGAIN_MS),
    }
  }
}

async function lossOf({ keys }: RenewalRooms, next: string | null): Promise<string | undefined> {
  if (next === null || !holds(keys, next)) return 'removed'
  const { state, ocsp, active } = keys.certificate(next)
  if (state !== 'expired' && ocsp.state !== 'revoked') return undefined
  if (active) await keys.setActive(next, false)
  return state === 'expired' ? 'expired' : 'revoked'
}

/** Those that somebody removed are forgotten. */
function withRetired({ keys }: RenewalRooms, row: Renewal, sha256: string): string {
  const all = [sha256, ...retiredBy(row).filter((one) => one !== sha256)]
  return JSON.stringify(all.filter((one) => holds(keys, one)))
}

/**
 * The registry lists the certificate: asked once, then looked at. Who decides there decides by the registry's
 * own policy.
 */
async function register(rooms: RenewalRooms, row: Renewal, save: Save): Promise<Change> {
  const { keys, clock, server } = rooms
  const sha256 = row.next_certificate!
  if (keys.certificate(sha256).state === 'registered') return { state: 'ACTIVATING', next_at: iso(clock()) }
  const later = {
    next_at: iso(clock() + LOOK_MS),
    waitsFor: notListed(),
  }
  if (row.filed_request !== null) {
    await checkDecided(rooms, row.filed_request)
    return later
  }
  const address = rooms.globalConfiguration.current().index.server(server)?.address
  if (address === undefined)
    throw new Fault('not_found', {
      what: say`this server in the configuration: register its first certificate by hand`,
    })
  // Written first: after a crash or a lost answer it may wait there already.
  if (row.filed_at === null) await save({ filed_at: iso(clock()) })
  const filed_request = await rooms.registerCertificate(sha256, address).catch(async (thrown: unknown) => {
    const known = row.filed_at === null ? undefined : await filedBefore(rooms, asFault(thrown))
    if (known === undefined) throw thrown
    return known
  })
  return { ...later, filed_request, note: `filed ${filed_request}` }
}

/**
 * A registry refuses the same request twice and names the first; that it has it is believed only of its own
 * list.
 */
async function filedBefore(
  { filedRequests }: RenewalRooms,
  { code, what }: Fault,
): Promise<number | undefined> {
  const [, said] = /request (\d{1,15}) says the same/.exec(what ?? '') ?? []
  if (code !== 'registration_refused' || said === undefined) return undefined
  const found = (await filedRequests()).find(({ request }) => request === Number(said))
  return found?.kind === 'authCertReg' ? found.request : undefined
}

/** Throws `conflict` when the registry declined it: nobody asks twice what was refused. */
async function checkDecided(rooms: RenewalRooms, number: number): Promise<void> {
  const states = await rooms.filedRequests().catch(() => [])
  const filed = states.find(({ request }) => request === number)
  if (filed?.state === 'DECLINED' || filed?.state === 'REVOKED')
    throw new Fault('conflict', {
      what: say`the registry did not take the new certificate: stop this renewal, or register it by hand`,
    })
}

/**
 * The new certificate may be used, and its CA says that it is good. The keys room shows peers the new one
 * when they know it.
 */
async function activate({ keys, clock }: RenewalRooms, row: Renewal): Promise<Change> {
  const sha256 = row.next_certificate!
  const known = keys.certificate(sha256)
  const { ocsp } = known.active ? known : await keys.setActive(sha256, true)
  // Known only now: the next look orders another one.
  if (ocsp.state === 'revoked') return { next_at: iso(clock()) }
  if (ocsp.state !== 'good') return { next_at: iso(clock() + LOOK_MS), waitsFor: notGood() }
  const settles_at = iso(clock() + SETTLE_MS)
  return { state: 'RETIRING', next_at: settles_at, settles_at, note: sha256 }
}

function notListed(): Fault {
  return new Fault('conflict', { what: say`the registry has not listed the new certificate yet` })
}

/**
 * The SHA-256 of the certificate that this server shows or signs with now. Throws as the keys room does when
 * there is none.
 */
function chosen({ keys, server }: RenewalRooms, { usage, member }: Renewal): string {
  if (usage === 'AUTHENTICATION') return keys.authenticationIdentity().certificate.sha256
  return keys.signingIdentity(member === null ? memberOf(server) : parseMemberId(member)).certificate.sha256
}

function notGood(): Fault {
  return new Fault('incorrect_validation_info', {
    what: say`the CA does not say yet that the new certificate is good`,
  })
}

/** The certificate before is used by nothing any more; removing it is left to people. */
async function retire(rooms: RenewalRooms, row: Renewal): Promise<Change> {
  const { keys, clock } = rooms
  const next = row.next_certificate!
  // Whoever hurries it does not shorten this.
  // Nor does a clock that was ahead when it was activated make it longer.
  const settles = Math.min(Date.parse(row.settles_at ?? iso(clock())), clock() + SETTLE_MS)
  if (clock() < settles) return { next_at: iso(settles), settles_at: iso(settles) }
  const { active, ocsp, state } = keys.certificate(next)
  const later = iso(clock() + LOOK_MS)
  if (!active)
    return {
      next_at: later,
      waitsFor: new Fault('conflict', {
        what: say`somebody put the new certificate out of use: activate it, or begin this renewal again`,
      }),
    }
  if (ocsp.state !== 'good') return { next_at: later, waitsFor: notGood() }
  if (row.usage === 'AUTHENTICATION' && state !== 'registered')
    return { next_at: later, waitsFor: notListed() }
  // The one before may be preferred for its later end: a CA that others follow gives shorter ones.
  if (chosen(rooms, row) === row.current && !keys.serves(next))
    return {
      next_at: later,
      waitsFor: new Fault('conflict', {
        what: say`this server still prefers the certificate before: look at both among the keys`,
      }),
    }
  const retired =
    row.current !== null && row.current !== next && holds(keys, row.current) ? row.current : undefined
  if (retired !== undefined) await keys.setActive(retired, false)
  return {
    ...(retired === undefined ? {} : { retired: withRetired(rooms, row, retired) }),
    ...{ state: 'WAITING', current: next, next_certificate: null, key_id: null },
    ...{ filed_at: null, filed_request: null, settles_at: null },
    ...{ next_at: iso(clock()), ...(retired === undefined ? {} : { note: retired }) },
  }
}
