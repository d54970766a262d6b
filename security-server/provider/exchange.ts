/**
 * A request arrives: the way of a message on the provider's side, a step a line. The provider's system is called at most
 * once, only for a request that was verified, allowed and made durable; no reply leaves before it is durable, signed.
 */
import { call } from './call.ts'
import { checkContract } from './check-contract.ts'
import { logIntent } from './log-intent.ts'
import { logReply } from './log-reply.ts'
import { type Arrival, receive } from './receive.ts'
import { refuse } from './refuse.ts'
import { type Reply, reply } from './reply.ts'
import type { ProviderRooms } from './rooms.ts'
import { sign } from './sign.ts'
import { verify } from './verify.ts'
import type { Way } from './way.ts'

/** Carries one request of a peer to our system and gives the signed, logged reply; throws a Fault that is logged. */
export async function exchange(arrival: Arrival, rooms: ProviderRooms): Promise<Reply> {
  const way: Way = {}
  try {
    const received = await receive(arrival, way, rooms)
    const verified = await verify(received, way, rooms)
    const allowed = checkContract(verified, way, rooms)
    const intent = await logIntent(allowed, way, rooms)
    const answer = await call(intent, rooms)
    const signed = await sign(answer, intent, rooms)
    const logged = await logReply(signed, intent, rooms)
    return reply(logged, rooms)
  } catch (cause) {
    throw await refuse(cause, way, rooms)
  } finally {
    way.leave?.()
    way.release?.()
  }
}
