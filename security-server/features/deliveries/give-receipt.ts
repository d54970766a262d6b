/**
 * Guarantees that a receipt is signed by the member that has to sign it and durable in the message log before
 * anybody gets it. It is logged whole, also where a contract keeps less of messages: it has no payload, and
 * the other side asks for it later.
 */
import { hash } from 'node:crypto'
import { outcomeOf, type Receipt, signerOf, writeReceipt } from '#core/delivery/receipt.ts'
import { type ClientId, idText, parseClientId, parseServiceId, type ServerId } from '#schemas/identifiers.ts'
import type { MessageSignature } from '../../message/message.ts'
import type { Facts } from './facts.ts'
import type { DeliveryRooms } from './rooms.ts'

type Said = Pick<Receipt, 'kind' | 'delivery' | 'client' | 'service'> &
  Partial<Pick<Receipt, 'arrived' | 'means' | 'reason'>> & {
    facts: Facts
    peer?: ServerId | undefined
    /** Further facts of the record; the receipt does not name them. */
    extra?: Record<string, string>
  }

/**
 * The other side judges the signature by the receipt's time, five minutes more or less, and accepts no other
 * for this delivery. On a machine that slept, or whose clock was put right, between the two, the receipt says
 * another time.
 */
const LONGEST_MS = 60_000
const MOST_TRIES = 3

/**
 * Resolves to the index of its record, and what it says. Throws `cannot_sign` and its kin, `logging_failed`.
 */
export async function giveReceipt(
  said: Said,
  rooms: DeliveryRooms,
): Promise<{ record: number; proof: ReceiptProof }> {
  const { kind, delivery, client, service, facts, peer, extra } = said
  const { arrived = 'no', means = '', reason = '' } = said
  const sign = async () => {
    const at = rooms.clock()
    const receipt = {
      ...{ kind, delivery, client, service, arrived, means, reason },
      ...{ server: idText(rooms.server), time: new Date(at).toISOString() },
      ...{ eventSource: facts.source, eventId: facts.id, eventDigest: facts.digest },
    }
    const message = writeReceipt(receipt)
    const digests = { message, messageSha512: hash('sha512', message, 'buffer'), body: undefined }
    const { signature } = await rooms.signMessage(signerOf(receipt), digests)
    return { receipt, message, signature, tookMs: Math.abs(rooms.clock() - at) }
  }
  let signed = await sign()
  for (let tries = 1; signed.tookMs > LONGEST_MS && tries < MOST_TRIES; tries++) signed = await sign()
  const { receipt, message, signature } = signed
  const record = await logReceipt(
    { receipt, message, signature, direction: 'out', facts, peer, extra },
    rooms,
  )
  return { record, proof: proofOf({ message, ...signature }) }
}

/** Logs a receipt that is ours, or a peer's that was verified; resolves to the index of its record. */
export async function logReceipt(
  q: {
    /** What `message` says. */
    receipt: Omit<Receipt, 'type' | 'version'>
    message: Buffer
    signature: MessageSignature
    direction: 'in' | 'out'
    facts: Facts
    peer: ServerId | undefined
    extra?: Record<string, string> | undefined
  },
  rooms: Pick<DeliveryRooms, 'messageLog' | 'clock'>,
): Promise<number> {
  const { receipt } = q
  const { signatures, hashChainResult, hashChain } = q.signature
  const { index } = await rooms.messageLog.append({
    ...{ kind: receipt.kind, direction: q.direction, ids: { id: receipt.delivery, requestId: '' } },
    ...{ client: parseClientId(receipt.client) as ClientId, service: parseServiceId(receipt.service) },
    ...{ peer: q.peer, time: new Date(rooms.clock()), outcome: outcomeOf(receipt) },
    ...{ message: q.message, body: undefined, ...q.facts.terms },
    ...(q.extra !== undefined && { extra: q.extra }),
    signature: { signatures, ...(hashChainResult && { hashChainResult }), ...(hashChain && { hashChain }) },
  })
  return index
}

/** A receipt with its signature, as JSON carries it; undefined once its record was erased. */
export type ReceiptProof = {
  receipt: string
  signatures: string
  hashChainResult?: string
  hashChain?: string
}

export async function readProof(
  index: number,
  { messageLog }: Pick<DeliveryRooms, 'messageLog'>,
): Promise<ReceiptProof | undefined> {
  const { message, signatures, ...chain } = await messageLog.read(index)
  return message === undefined || signatures === undefined
    ? undefined
    : proofOf({ message, signatures, ...chain })
}

function proofOf(q: MessageSignature & { message: Buffer }): ReceiptProof {
  const { message, signatures, hashChainResult, hashChain } = q
  return {
    receipt: message.toString('base64'),
    signatures: signatures.toString('base64'),
    ...(hashChainResult && { hashChainResult: hashChainResult.toString('base64') }),
    ...(hashChain && { hashChain: hashChain.toString('base64') }),
  }
}
