/**
 * The state of a session. It is stored in the session's row, so that any node of this server can continue.
 */
import { jointSalt, type Session, type Side } from '#core/reconciliation/entry.ts'
import { Fault } from '#schemas/fault.ts'
import { idText, type ServerId } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import type { DayPair } from './store.ts'

/** Commitment and tree head of one side. Binary values are in base64. */
type Commitment = { count: number; commitment: string; treeHead: string }

/** For so long another session cannot replace one that the other side may be going on with. */
export const FRESH_MS = 10 * 60_000

export type Progress = {
  /** The id that the asked side gave the session. It is part of the statement. */
  wire: string
  /** What both sides compare; without it exchanges alone. */
  version?: 2 | 3
  nonce: string
  /** The asking side's commitment, until it reveals its nonce. */
  peerNonceCommitment?: string
  peerNonce?: string
  bits?: number
  own?: Commitment & { blind: string; buckets: string }
  peer?: Commitment & { buckets?: string }
}

/**
 * Which side we are, and the session's parties in the order that both sides use: the server with the smaller
 * identifier is the first.
 */
export function sidesOf(server: ServerId, pair: DayPair): { own: Side; other: Side; session: Session } {
  const ours = { server: idText(server), member: pair.own }
  const theirs = { server: pair.server, member: pair.peer }
  const isFirst = ours.server < theirs.server
  const [first, second] = isFirst ? [ours, theirs] : [theirs, ours]
  return {
    own: isFirst ? 'first' : 'second',
    other: isFirst ? 'second' : 'first',
    session: { day: pair.day, first, second },
  }
}

/** The salt that both sides compute. Throws `conflict` while the other side's nonce is missing. */
export function saltOf(server: ServerId, pair: DayPair, progress: Progress): Buffer {
  const { own, session } = sidesOf(server, pair)
  const { nonce, peerNonce } = progress
  if (peerNonce === undefined) throw outOfOrder()
  const [ours, theirs] = [Buffer.from(nonce, 'base64'), Buffer.from(peerNonce, 'base64')]
  return jointSalt(
    session,
    own === 'first' ? { first: ours, second: theirs } : { first: theirs, second: ours },
  )
}

/** The fault for a step whose preceding steps are missing. */
export function outOfOrder(): Fault {
  return new Fault('conflict', { what: say`this step of a reconciliation has no turn now` })
}

export function base64(bytes: Buffer): string {
  return bytes.toString('base64')
}

export function bytesOf(text: string): Buffer {
  return Buffer.from(text, 'base64')
}
