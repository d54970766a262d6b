/**
 * Compares one day with another server, from the first question to the stored statement, one step a line. A
 * session that fails is started again the next time, under another salt. A statement whose last answer was
 * lost is fetched.
 */
import { randomBytes } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { bitsFor } from '#core/reconciliation/buckets.ts'
import { DIGEST, nonceCommitment } from '#core/reconciliation/entry.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import {
  type CommitAnswer,
  type ConcludeAnswer,
  type EntriesAnswer,
  type OpenAnswer,
  type OpenQuestion,
  RECONCILIATION_LIMITS,
  type RevealAnswer,
  type ShowAnswer,
  type Shown,
} from '#schemas/reconciliation.ts'
import { say } from '#schemas/said.ts'
import { ask, NoEndpoint } from './ask.ts'
import { collect, commitOwn } from './collect.ts'
import { isSame, keep, openStatement, type SessionState, signStatement, summarise } from './conclude.ts'
import { adopt, finish } from './finish.ts'
import { base64, FRESH_MS, type Progress, saltOf } from './progress.ts'
import type { ReconciliationRooms } from './rooms.ts'
import { secrecyOf } from './secrecy.ts'
import { show } from './show.ts'
import type { DayPair, RowState, StoredReconciliation } from './store.ts'
import {
  checkCommitment,
  checkTreeHead,
  createReceived,
  differing,
  keepShown,
  ownPage,
  type Received,
  takeEntries,
} from './take.ts'
import { isDifference, walk } from './walk.ts'

/** How long the other side may take to collect a large day. */
const LONGEST_COLLECTION_MS = 15 * 60_000
const ASK_AGAIN_MS = 250
const CODE = /^[A-Za-z0-9_.]{1,100}$/

type Work = { state: SessionState; received: Received; rooms: ReconciliationRooms }

/** Returns the resulting state of the day. The reason of a failure is in the row. */
export async function reconcile(pair: DayPair, rooms: ReconciliationRooms): Promise<RowState> {
  const hold: Hold = { session: undefined }
  try {
    await compare(pair, hold, rooms)
    return 'concluded'
  } catch (cause) {
    const state = cause instanceof NoEndpoint ? 'not_comparable' : 'unanswered'
    const error = cause instanceof NoEndpoint ? cause.message : describe(cause)
    const now = new Date(rooms.clock()).toISOString()
    // The day may belong to a session of the other side by now; then our failure does not change its row.
    if (hold.session !== undefined && (await rooms.store.fail(hold.session, { state, error, now })))
      return state
    return (await rooms.store.find(pair))?.state ?? 'due'
  }
}

async function compare(pair: DayPair, hold: Hold, rooms: ReconciliationRooms): Promise<void> {
  const opened = await open(pair, hold, rooms)
  if (opened === undefined) return
  const work = { state: opened, received: createReceived(), rooms }
  await commit(work)
  await reveal(work)
  await exchangeEntries(work)
  await showDifferences(work)
  await conclude(work)
}

/**
 * Undefined when a statement exists: one that is already stored, or one that the other side had and that is
 * stored now.
 */
async function open(
  pair: DayPair,
  hold: Hold,
  rooms: ReconciliationRooms,
): Promise<SessionState | undefined> {
  const seen = await rooms.store.find(pair)
  if (seen?.state === 'concluded') return undefined
  const nonce = randomBytes(DIGEST)
  const held = await claim({ pair, seen, nonce, hold }, rooms)
  const question = {
    step: 'open' as const,
    day: pair.day,
    members: { own: pair.own, peer: pair.peer },
    nonceCommitment: base64(nonceCommitment(nonce)),
  }
  const answer = await askNewest(pair.server, question, rooms)
  if ('statement' in answer) {
    const isFinished = await finish(pair, held, answer.statement, rooms)
    if (!isFinished) await adopt(pair, held, answer.statement, rooms)
    return undefined
  }
  const progress: Progress = {
    ...{ wire: answer.session, nonce: base64(nonce), peerNonce: answer.nonce },
    ...(answer.version !== undefined && { version: answer.version }),
  }
  const session = await begin({ pair, seen: held, progress, hold }, rooms)
  return { session, pair, progress }
}

/** A server of an earlier version refuses a question of another form than it knows. */
async function askNewest(
  server: string,
  question: OpenQuestion,
  rooms: ReconciliationRooms,
): Promise<OpenAnswer> {
  for (const version of [3, 2] as const)
    try {
      const answer = await ask<OpenAnswer>(server, { ...question, version }, rooms)
      if ('version' in answer && (answer.version ?? 1) > version)
        throw new Fault('invalid_input', { what: say`the answer is of a version that was not asked for` })
      return answer
    } catch (cause) {
      if (asFault(cause).received?.type !== 'invalid_input') throw cause
    }
  return await ask<OpenAnswer>(server, question, rooms)
}

type Hold = { session: string | undefined }
type Claim = { pair: DayPair; seen: StoredReconciliation | undefined; nonce: Buffer; hold: Hold }

/**
 * Claims the day before asking the other side: if both sides start at once, one of them gives way. The
 * entries of an earlier session are kept until it is known that it led to no statement.
 */
async function claim(
  { pair, seen, nonce, hold }: Claim,
  rooms: ReconciliationRooms,
): Promise<StoredReconciliation> {
  if (seen?.role === 'asking' && seen.progress !== '') {
    await rooms.store.resume(seen.session, new Date(rooms.clock()).toISOString())
    hold.session = seen.session
    return seen
  }
  // Taking the day over from the other side, which has just begun, would end the sessions of both.
  const isTheirs = seen?.state === 'under_way' && seen.role === 'asked'
  if (isTheirs && rooms.clock() - Date.parse(seen.changed_at) < FRESH_MS)
    throw new Fault('conflict', { what: say`the other side compares this day` })
  await begin({ pair, seen, progress: { wire: '', nonce: base64(nonce) }, hold }, rooms)
  return (await rooms.store.find(pair))!
}

/** Rows have session ids of our own, so that the other side cannot name a session of another server. */
async function begin(
  { pair, seen, progress, hold }: Omit<Claim, 'nonce'> & { progress: Progress },
  rooms: ReconciliationRooms,
): Promise<string> {
  const session = randomBytes(16).toString('hex')
  const now = new Date(rooms.clock()).toISOString()
  const secrecy = seen?.secrecy ?? (await secrecyOf(pair, rooms))
  await rooms.store.begin(pair, { seen, session, role: 'asking', progress, now, secrecy })
  hold.session = session
  return session
}

async function commit({ state, rooms }: Work): Promise<void> {
  const { session, pair, progress } = state
  const salt = saltOf(rooms.server, pair, progress)
  const count = await collect({ session, pair, salt, version: progress.version }, rooms)
  const bits = bitsFor(count)
  const own = await commitOwn({ session, salt, count, bits }, rooms)
  const { commitment, treeHead } = own
  const { wire, nonce } = progress
  const question = { step: 'commit' as const, session: wire, nonce, bits, count, commitment, treeHead }
  const began = performance.now()
  for (;;) {
    const answer = await ask<CommitAnswer>(pair.server, question, rooms)
    if (answer.ready) {
      const { ready: _, ...peer } = answer
      checkTreeHead(peer.treeHead, pair.server)
      return save({ state, rooms }, { ...progress, bits, own, peer })
    }
    if (performance.now() - began > LONGEST_COLLECTION_MS)
      throw new Fault('peer_timeout', { what: say`it did not collect its entries` })
    await wait(ASK_AGAIN_MS)
  }
}

async function reveal({ state, rooms }: Work): Promise<void> {
  const { pair, progress } = state
  const { blind, buckets } = progress.own!
  const question = { step: 'reveal' as const, session: progress.wire, blind, buckets }
  const answer = await ask<RevealAnswer>(pair.server, question, rooms)
  checkCommitment(answer, pair, progress, rooms)
  await save({ state, rooms }, { ...progress, peer: { ...progress.peer!, buckets: answer.buckets } })
}

async function exchangeEntries({ state, received, rooms }: Work): Promise<void> {
  const { pair, progress } = state
  for (const bucket of differing(progress)) {
    for (let page = 0, isLast = false; !isLast; page++) {
      const own = await ownPage(state, { bucket, page }, rooms)
      const question = { step: 'entries' as const, session: progress.wire, bucket, page, ...own }
      const answer = await ask<EntriesAnswer>(pair.server, question, rooms)
      if (answer.entries.length === 0 && !answer.last)
        throw new Fault('invalid_input', { what: say`a page without entries is the last one` })
      await takeEntries(state, { bucket, entries: answer.entries }, received, rooms)
      isLast = own.last && answer.last
    }
  }
}

async function showDifferences({ state, received, rooms }: Work): Promise<void> {
  const { session, pair, progress } = state
  let part: Shown[] = []
  let page = 0
  const send = async (): Promise<void> => {
    if (part.length === 0) return
    const question = { step: 'show' as const, session: progress.wire, page: page++, shown: part }
    const { shown } = await ask<ShowAnswer>(pair.server, question, rooms)
    if (shown.length !== part.length || shown.some(({ key }, i) => key !== part[i]!.key))
      throw new Fault('invalid_input', { what: say`it showed something else than it was asked for` })
    for (const [i, theirs] of shown.entries()) {
      await keepShown(session, 'shown-own', part[i]!, rooms)
      await keepShown(session, 'shown-peer', theirs, rooms)
    }
    part = []
  }
  for await (const { pair: found, verdict } of walk(state, rooms)) {
    if (!isDifference(verdict)) continue
    const prove = received.prove(session)
    part.push(await show({ session, pair, key: base64(found.key), prove }, rooms))
    if (part.length === RECONCILIATION_LIMITS.shown) await send()
  }
  await send()
}

async function conclude({ state, rooms }: Work): Promise<void> {
  const { pair, progress } = state
  const { statement, cases } = await summarise(state, rooms)
  const own = await signStatement(statement, pair, rooms)
  const question = { step: 'conclude' as const, session: progress.wire, statement: own }
  const answer = await ask<ConcludeAnswer>(pair.server, question, rooms)
  const agreed = openStatement(answer.statement, [pair.own, pair.peer], rooms)
  if (!isSame(agreed, statement)) throw new Fault('conflict', { what: say`it signed another statement` })
  await keep({ ...state, jws: answer.statement, statement, cases }, rooms)
}

async function save({ state, rooms }: Pick<Work, 'state' | 'rooms'>, progress: Progress): Promise<void> {
  state.progress = progress
  await rooms.store.save(state.session, progress, new Date(rooms.clock()).toISOString())
}

/**
 * Of a text from another server only the fault code is used, because this goes into a log line.
 * error-words.ts reads it.
 */
function describe(cause: unknown): string {
  const { code, what, received } = asFault(cause)
  if (received !== undefined) return `it answered ${CODE.test(received.type) ? received.type : 'a fault'}`
  return [code, what].filter((one) => one !== undefined).join(': ')
}
