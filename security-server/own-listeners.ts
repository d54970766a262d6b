/**
 * The addresses on which this server listens: its certificate may name them, and it must not connect to them
 * as a client.
 */
import { isIP } from 'node:net'
import type { Settings } from './config.ts'

/**
 * The address to name in a certificate. Empty when the listener accepts every address, or is given as a host
 * name or with a zone (%eth0).
 */
export function ownAddresses(address: string | undefined): string[] {
  return address === undefined || isIP(address) === 0 || address.includes('%') || /^[0.:]+$/.test(address)
    ? []
    : [address]
}

export function ownListeners(settings: Settings): { host: string; port: number }[] {
  const { peers, clients, admin, xRoadApi } = settings
  const own = [
    { host: peers.address, port: peers.messagePort },
    { host: peers.address, port: peers.ocspPort },
    { host: admin.address, port: admin.port },
  ]
  for (const listener of [clients.http, clients.https, xRoadApi]) {
    if (listener !== undefined) own.push({ host: listener.address, port: listener.port })
  }
  return own
}

/** On which workers listen together: those above, and where CAs look for answers of ACME. */
export function sharedPorts(settings: Settings): { host: string; port: number }[] {
  const challenge = settings.acme?.challenge
  const own = ownListeners(settings)
  return challenge === undefined ? own : [...own, { host: challenge.address, port: challenge.port }]
}
