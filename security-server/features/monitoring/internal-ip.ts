/**
 * The address of this machine inside its network, as X-Road chooses it: of the first interface that is not
 * the loopback, IPv4 first.
 */
import { networkInterfaces } from 'node:os'
import type { Clock } from '#platform/clock.ts'

const KEPT_MS = 600_000
const NONE = '0.0.0.0'

export function createInternalIp(clock: Clock): () => string {
  let known: { ip: string; until: number } | undefined
  return () => {
    if (known === undefined || clock() > known.until) known = { ip: ipOf(), until: clock() + KEPT_MS }
    return known.ip
  }
}

function ipOf(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((one) => one ?? [])
  const usable = addresses.filter(
    ({ internal, address }) => !internal && !/^(?:fe80:|169\.254\.)/i.test(address),
  )
  return (usable.find(({ family }) => family === 'IPv4') ?? usable[0])?.address ?? NONE
}
