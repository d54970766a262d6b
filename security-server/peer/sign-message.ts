/**
 * Guarantees that every message is sent with its member's signature over message and body. Messages that wait
 * while a signature is being made are signed together: one XAdES signature over a hash chain (X-Road's batch
 * signature).
 */
import { buildHashChains, type ChainInput } from '#core/signature/hash-chain.ts'
import { prepareSignature } from '#core/signature/write-signature.ts'
import type { Clock } from '#platform/clock.ts'
import { type MemberId, memberOf } from '#schemas/identifiers.ts'
import { PART_NAME } from '#schemas/wire.ts'
import type { Keys, SigningIdentity } from '../keys/keys.ts'
import { coveredParts } from '../message/body.ts'
import type { MessageParts, MessageSignature } from '../message/message.ts'

/** A hash chain of 64 inputs has six steps. Longer batches would cost the verifier more than they save. */
const LARGEST_BATCH = 64
/** A clock that was set back further is believed. */
const MOST_AHEAD_MS = 1_000

type Waiting = { parts: ChainInput; resolve(signature: MessageSignature): void; reject(cause: unknown): void }

type Digests = Pick<MessageParts, 'messageSha512' | 'body'>

const signed = Symbol('signed')

/** A message with one of our members' signature over message and body. Only this file makes the mark. */
export type Signed<T> = T & { readonly [signed]: true; signature: MessageSignature }

export type SignMessage = <T extends Digests>(
  member: MemberId,
  message: T,
  /** `alone`: sign this message outside of batches; without a body it then needs no hash chain. */
  o?: { alone?: boolean },
) => Promise<Signed<T>>

/**
 * Makes the signer of a server. It rejects with `cannot_sign` or a related code when the member has no usable
 * key.
 */
export function createMessageSigner(rooms: {
  keys: Pick<Keys, 'signingIdentity'>
  clock: Clock
}): SignMessage {
  const queues = new Map<SigningIdentity, Waiting[]>()

  let last = 0
  /** Later than every one before: two signatures of the same messages are two, also within a millisecond. */
  function nextTime(): Date {
    const now = rooms.clock()
    last = now <= last && last - now < MOST_AHEAD_MS ? last + 1 : now
    return new Date(last)
  }

  async function drain(identity: SigningIdentity, queue: Waiting[]): Promise<void> {
    while (queue.length > 0) {
      const batch = takeBatch(queue)
      try {
        const signatures = await signBatch(
          identity,
          batch.map((one) => one.parts),
          nextTime(),
        )
        for (const [i, one] of batch.entries()) one.resolve(signatures[i]!)
      } catch (cause) {
        for (const one of batch) one.reject(cause)
      }
    }
    queues.delete(identity)
  }

  function signTogether(identity: SigningIdentity, parts: ChainInput): Promise<MessageSignature> {
    return new Promise((resolve, reject) => {
      const waiting = { parts, resolve, reject }
      const queue = queues.get(identity)
      if (queue !== undefined) {
        queue.push(waiting)
        return
      }
      const first = [waiting]
      queues.set(identity, first)
      // Messages that arrive in the same turn of the event loop join the batch.
      setImmediate(() => void drain(identity, first))
    })
  }

  return async (member, message, { alone = false } = {}) => {
    const identity = rooms.keys.signingIdentity(memberOf(member))
    const parts = partsOf(message)
    const signature = alone
      ? (await signBatch(identity, [parts], new Date(rooms.clock())))[0]!
      : await signTogether(identity, parts)
    return { ...message, signature, [signed]: true }
  }
}

/**
 * What is signed together; of two messages with the same bytes the second waits. SOAP signs no id of a
 * request, and a replay is what has the signature and the bytes of another.
 */
function takeBatch(queue: Waiting[]): Waiting[] {
  const taken = new Set<string>()
  const batch: Waiting[] = []
  const left: Waiting[] = []
  for (const one of queue.splice(0)) {
    const key = one.parts[0]!.sha512.toString('latin1')
    if (batch.length === LARGEST_BATCH || taken.has(key)) left.push(one)
    else {
      taken.add(key)
      batch.push(one)
    }
  }
  queue.push(...left)
  return batch
}

function partsOf(message: Digests): ChainInput {
  const parts: ChainInput = [{ name: PART_NAME.message, sha512: message.messageSha512 }]
  for (const [i, { sha512 }] of coveredParts(message.body).entries())
    parts.push({ name: PART_NAME.attachment(i + 1), sha512 })
  return parts
}

async function signBatch(
  identity: SigningIdentity,
  inputs: ChainInput[],
  signingTime: Date,
): Promise<MessageSignature[]> {
  const { certificate, intermediates, ocspResponses, method } = identity
  const only = inputs.length === 1 && inputs[0]!.length === 1 ? inputs[0]![0]! : undefined
  const chains = only === undefined ? buildHashChains(inputs) : undefined
  const reference =
    chains === undefined
      ? ({ uri: PART_NAME.message, sha512: only!.sha512 } as const)
      : ({ uri: PART_NAME.hashChainResult, sha512: chains.resultDigest } as const)
  const prepared = prepareSignature({
    signingTime,
    certificate,
    intermediates,
    ocspResponses,
    reference,
    method,
  })
  const signatures = prepared.finish(await identity.sign(prepared.toBeSigned))
  if (chains === undefined) return [{ signatures }]
  return inputs.map((_, i) => ({ signatures, hashChainResult: chains.result, hashChain: chains.chain(i) }))
}
