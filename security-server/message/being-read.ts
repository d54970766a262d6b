/**
 * Bounds the octets of messages that are in memory before it is known whose they are: of all senders
 * together, and of one, so that none shuts the others out.
 */
import { Fault } from '#schemas/fault.ts'

type BeingRead = {
  /** Throws `too_many_requests` when there is no room for more. */
  count(octets: number): void
  /** What was counted is in memory no more, or bounded by others; later octets are not counted. */
  end(): void
}

/**
 * What it gives is called once for each message, with what its sender is known by: a certificate, an address.
 */
export function createReadingBound(q: {
  inAll: number
  ofOne: number
  what: string
}): (source: string) => BeingRead {
  const sources = new Map<string, number>()
  let inAll = 0
  return (source) => {
    let counted = 0
    let hasEnded = false
    return {
      count(octets) {
        if (hasEnded) return
        counted += octets
        inAll += octets
        const ofOne = (sources.get(source) ?? 0) + octets
        sources.set(source, ofOne)
        if (ofOne > q.ofOne || inAll > q.inAll)
          throw new Fault('too_many_requests', { what: `${q.what} that are being read`, retryAfter: 1 })
      },
      end() {
        if (hasEnded) return
        hasEnded = true
        inAll -= counted
        const left = (sources.get(source) ?? 0) - counted
        if (left === 0) sources.delete(source)
        else sources.set(source, left)
      },
    }
  }
}
