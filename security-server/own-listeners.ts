/** Where this server itself listens: what its certificate may name, and where nothing of it may connect to. */
import { isIP } from 'node:net'
import type { Settings } from './config.ts'

/** The address that a certificate can name: none when the listener takes every address, names a host or a zone (%eth0). */
export function ownAddresses(address: string | undefined): string[] {
  return address === undefined || isIP(address) === 0 || address.includes('%') || /^[0.:]+$/.test(address)
    ? []
    : [address]
}

export function ownListeners(settings: Settings): { host: string; port: number }[] {
  const { peers, clients, admin } = settings
  const own = [
    { host: peers.address, port: peers.messagePort },
    { host: peers.address, port: peers.ocspPort },
    { host: admin.address, port: admin.port },
  ]
  for (const listener of [clients.http, clients.https]) {
    if (listener !== undefined) own.push({ host: listener.address, port: listener.port })
  }
  return own
}
