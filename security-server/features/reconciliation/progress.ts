/** What a session knows so far; kept in its row, so that any node of this server can go on with it. */
import { jointSalt, type Session, type Side } from '#core/reconciliation/entry.ts'
import { Fault } from '#schemas/fault.ts'
import { idText, type ServerId } from '#schemas/identifiers.ts'
import type { DayPair } from './store.ts'

/** Binary values in base64. */
type Commitment = { count: number; commitment: string; treeHead: string }

export type Progress = {
  /** The session as the asked side named it; it stands in the statement. */
  wire: string
  nonce: string
  /** Of the asking side, until it shows its nonce. */
  peerNonceCommitment?: string
  peerNonce?: string
  bits?: number
  own?: Commitment & { blind: string; buckets: string }
  peer?: Commitment & { buckets?: string }
}

/** Which side we are, and the session as both sides name it. */
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

/** Throws `conflict` before both nonces are known. */
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

/** A step that the ones before it have not made possible. */
export function outOfOrder(): Fault {
  return new Fault('conflict', { what: 'this step of a reconciliation has no turn now' })
}

export function base64(bytes: Buffer): string {
  return bytes.toString('base64')
}

export function bytesOf(text: string): Buffer {
  return Buffer.from(text, 'base64')
}
