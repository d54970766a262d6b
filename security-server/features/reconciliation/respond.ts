/**
 * Answers the steps of a reconciliation. Guarantees that a server learns only about exchanges between one of
 * its members and one of ours that it transported itself. It learns about them only after it has committed to
 * its own entries, and once for each day.
 */
import { randomBytes } from 'node:crypto'
import { isSettled, isTooOld } from '#core/reconciliation/day.ts'
import { DIGEST } from '#core/reconciliation/entry.ts'
import { joinSignedJson } from '#core/signature/signed-json.ts'
import { createTurn } from '#platform/in-turn.ts'
import { Fault } from '#schemas/fault.ts'
import { idText, parseMemberId, type ServerId } from '#schemas/identifiers.ts'
import type {
  CommitAnswer,
  CommitQuestion,
  ConcludeAnswer,
  ConcludeQuestion,
  EntriesAnswer,
  EntriesQuestion,
  OpenAnswer,
  OpenQuestion,
  ReconciliationQuestion,
  RevealAnswer,
  RevealQuestion,
  ShowAnswer,
  ShowQuestion,
} from '#schemas/reconciliation.ts'
import { say } from '#schemas/said.ts'
import { checkClientNotSuspended } from '../../global-configuration/check-suspended.ts'
import { collect, commitOwn } from './collect.ts'
import { isSame, keep, openStatement, type SessionState, signStatement, summarise } from './conclude.ts'
import { base64, FRESH_MS, outOfOrder, type Progress, saltOf } from './progress.ts'
import type { ReconciliationRooms } from './rooms.ts'
import { secrecyOf } from './secrecy.ts'
import type { DayPair, StoredReconciliation } from './store.ts'
import {
  checkCommitment,
  checkNonce,
  checkTreeHead,
  createReceived,
  ownPage,
  takeEntries,
  takeShown,
} from './take.ts'

export type Respond = (peer: ServerId, question: ReconciliationQuestion) => Promise<object>

const KEPT_FAILURES = 100

export function createResponder(rooms: ReconciliationRooms): Respond {
  const { server, clock, store } = rooms
  const received = createReceived()
  const busy = new Set<string>()
  const collecting = createCollecting(rooms)

  async function open(peer: ServerId, q: OpenQuestion): Promise<OpenAnswer> {
    const pair = checkPair(peer, q, rooms)
    const seen = await store.find(pair)
    if (seen?.state === 'concluded') return { statement: seen.statement }
    if (seen?.state === 'under_way') checkReplaceable(seen, peer)
    const session = randomBytes(16).toString('hex')
    const nonce = base64(randomBytes(DIGEST))
    const version = q.version === undefined ? {} : { version: q.version }
    const progress: Progress = { wire: session, nonce, peerNonceCommitment: q.nonceCommitment, ...version }
    const secrecy = seen?.secrecy ?? (await secrecyOf(pair, rooms))
    await store.begin(pair, { seen, session, role: 'asked', progress, now: now(), secrecy })
    return { session, nonce, ...version }
  }

  /**
   * When both servers start at once, the one with the smaller identifier continues. Throws `conflict` to the
   * other.
   */
  function checkReplaceable(seen: StoredReconciliation, peer: ServerId): void {
    const isFresh = clock() - Date.parse(seen.changed_at) < FRESH_MS
    const weGoOn = seen.role === 'asking' && idText(server) < idText(peer)
    const theyBegan = seen.role === 'asked' && collecting.has(seen.session)
    if (isFresh && (weGoOn || theyBegan))
      throw new Fault('conflict', { what: say`this day is being compared already` })
  }

  async function commit(state: SessionState, q: CommitQuestion): Promise<CommitAnswer> {
    const { session, pair } = state
    let { progress } = state
    if (progress.peerNonce === undefined) {
      checkNonce(q.nonce, progress.peerNonceCommitment)
      const { count, commitment, treeHead, bits } = q
      checkTreeHead(treeHead, pair.server)
      progress = { ...progress, peerNonce: q.nonce, bits, peer: { count, commitment, treeHead } }
      await store.save(session, progress, now())
    }
    if (progress.own !== undefined) {
      const { count, commitment, treeHead } = progress.own
      return { ready: true, count, commitment, treeHead }
    }
    collecting.goOn({ session, pair, progress })
    return { ready: false }
  }

  async function entries(state: SessionState, q: EntriesQuestion): Promise<EntriesAnswer> {
    await takeEntries(state, q, received, rooms)
    return ownPage(state, q, rooms)
  }

  async function show(state: SessionState, q: ShowQuestion): Promise<ShowAnswer> {
    return { shown: await takeShown(state, q.shown, received, rooms) }
  }

  async function conclude(state: SessionState, q: ConcludeQuestion): Promise<ConcludeAnswer> {
    const { pair } = state
    const theirs = openStatement(q.statement, [pair.peer], rooms)
    const { statement, cases } = await summarise(state, rooms)
    if (!isSame(theirs, statement))
      throw new Fault('conflict', { what: say`the statement is not what the entries of both sides say` })
    const jws = joinSignedJson(q.statement, await signStatement(statement, pair, rooms))
    await keep({ ...state, jws, statement, cases }, rooms)
    received.forget(state.session)
    return { statement: jws }
  }

  function now(): string {
    return new Date(clock()).toISOString()
  }

  async function step(peer: ServerId, q: Exclude<ReconciliationQuestion, OpenQuestion>): Promise<object> {
    const row = await store.bySession(q.session)
    if (row === undefined || row.peer_server !== idText(peer) || row.role !== 'asked') throw outOfOrder()
    // The answer to the last question was lost, so it is sent again.
    if (row.state === 'concluded' && q.step === 'conclude') return { statement: row.statement }
    if (row.state !== 'under_way') throw outOfOrder()
    const state: SessionState = {
      session: row.session,
      pair: { day: row.day, own: row.own_member, peer: row.peer_member, server: row.peer_server },
      progress: JSON.parse(row.progress) as Progress,
    }
    switch (q.step) {
      case 'commit':
        return commit(state, q)
      case 'reveal':
        return reveal(state, q, rooms)
      case 'entries':
        return entries(state, q)
      case 'show':
        return show(state, q)
      case 'conclude':
        return conclude(state, q)
    }
  }

  return async (peer, question) => {
    if (question.step === 'open') return open(peer, question)
    const { session } = question
    // Steps of a session run one at a time, because each reads what the one before it wrote.
    if (busy.has(session)) throw new Fault('too_many_requests', { what: idText(peer) })
    busy.add(session)
    try {
      return await step(peer, question)
    } finally {
      busy.delete(session)
    }
  }
}

/** Collects the entries of sessions from the log, one day at a time for all peers together. */
function createCollecting(rooms: ReconciliationRooms) {
  /** Sessions that are being collected, with the failure if one failed. */
  const collecting = new Map<string, { failed?: unknown }>()
  const inTurn = createTurn()

  function start({ session, pair, progress }: SessionState): void {
    const run: { failed?: unknown } = {}
    collecting.set(session, run)
    const work = async (): Promise<void> => {
      const salt = saltOf(rooms.server, pair, progress)
      const count = await collect({ session, pair, salt, version: progress.version }, rooms)
      const own = await commitOwn({ session, salt, count, bits: progress.bits! }, rooms)
      await rooms.store.save(session, { ...progress, own }, new Date(rooms.clock()).toISOString())
      collecting.delete(session)
    }
    inTurn(work).catch((cause: unknown) => {
      run.failed = cause
      // A peer that has not asked again while so many other sessions failed will not ask any more.
      const failed = [...collecting].filter(([, { failed }]) => failed !== undefined)
      if (failed.length > KEPT_FAILURES) collecting.delete(failed[0]![0])
    })
  }

  return {
    has: (session: string): boolean => collecting.has(session),
    /** Starts the collection unless it was started. If it failed, throws the failure once. */
    goOn(state: SessionState): void {
      const running = collecting.get(state.session)
      if (running?.failed !== undefined) {
        collecting.delete(state.session)
        throw running.failed
      }
      if (running === undefined) start(state)
    },
  }
}

async function reveal(
  { session, pair, progress }: SessionState,
  q: RevealQuestion,
  rooms: ReconciliationRooms,
): Promise<RevealAnswer> {
  const { own, peer } = progress
  if (own === undefined || peer === undefined) throw outOfOrder()
  checkCommitment(q, pair, progress, rooms)
  const now = new Date(rooms.clock()).toISOString()
  await rooms.store.save(session, { ...progress, peer: { ...peer, buckets: q.buckets } }, now)
  return { blind: own.blind, buckets: own.buckets }
}

/**
 * The pair from our view. Throws `unknown_member` unless each member is on the server of its side, the fault
 * of a suspension, and `conflict` for a day that is too old or has not settled.
 */
function checkPair(
  peer: ServerId,
  { day, members }: OpenQuestion,
  { server, clock, globalConfiguration }: ReconciliationRooms,
): DayPair {
  const [theirs, ours] = [parseMemberId(members.own), parseMemberId(members.peer)]
  const snapshot = globalConfiguration.current()
  if (snapshot.indexFor(theirs.instance)?.isMemberOnServer(peer, theirs) !== true)
    throw new Fault('unknown_member', {
      what: say`the member ${idText(theirs)} is not on the server ${idText(peer)}`,
    })
  if (!snapshot.index.isMemberOnServer(server, ours))
    throw new Fault('unknown_member', {
      what: say`the member ${idText(ours)} is not on the server ${idText(server)}`,
    })
  for (const member of [theirs, ours]) checkClientNotSuspended(member, snapshot)
  const now = clock()
  if (isTooOld(day, now) || !isSettled(day, now))
    throw new Fault('conflict', { what: say`${day} is not to be compared now` })
  return { day, own: idText(ours), peer: idText(theirs), server: idText(peer) }
}
