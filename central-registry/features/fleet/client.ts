/**
 * Tries the two ports of a security server as other servers reach it: a TLS handshake on 5500, whose
 * certificate is compared, and a connection to 5577. It tries only registered addresses at these two ports
 * and sends no data. So an address inside our network reveals to its owner only whether a port is open.
 */
import { Resolver } from 'node:dns/promises'
import net, { BlockList, isIP } from 'node:net'
import tls from 'node:tls'
import { readCertificate } from '#core/certificate/certificate.ts'
import { isForbiddenAddress } from '#platform/http-service/forbidden-address.ts'
import type { PortState, Probe } from './rules.ts'

const MESSAGE_PORT = 5500
const OCSP_PORT = 5577
const TIMEOUT_MS = 5000
const MAX_CERTIFICATE_BYTES = 16 * 1024

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

export type ProbeServer = (address: string) => Promise<Probe>

/**
 * `onLoopback` allows loopback addresses, for an instance on one machine such as the sandbox. Never throws: a
 * failure is a state of the port.
 */
export function createProbe({ onLoopback }: { onLoopback: boolean }): ProbeServer {
  // Asks name servers directly: the system's look-up would block threads that are needed for files and keys.
  const resolver = new Resolver({ timeout: 2000, tries: 2 })
  const mayTry = (address: string): boolean => {
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    return !isForbiddenAddress(address) && (onLoopback || !loopback.check(address, family))
  }
  return async (address) => {
    const found = isIP(address) === 0 ? await resolve(resolver, address) : [address]
    if (found.length === 0) return { messagePort: 'unresolved', ocspPort: 'unresolved' }
    // Connects to the address that was checked, without looking up the name again.
    const host = found.every(mayTry) ? found[0]! : undefined
    if (host === undefined) return { messagePort: 'forbidden', ocspPort: 'forbidden' }
    const [message, ocspPort] = await Promise.all([shakeHands(host), connect(host)])
    return { ...message, ocspPort }
  }
}

async function resolve(resolver: Resolver, name: string): Promise<string[]> {
  const all = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)])
  return all.flatMap((one) => (one.status === 'fulfilled' ? one.value : []))
}

function connect(host: string): Promise<PortState> {
  return new Promise((done) => {
    const socket = net.connect({ host, port: OCSP_PORT })
    const end = (state: PortState): void => {
      socket.destroy()
      done(state)
    }
    socket.setTimeout(TIMEOUT_MS, () => end('silent'))
    socket.once('connect', () => end('open'))
    socket.once('error', ({ code }: NodeJS.ErrnoException) => end(stateOf(code)))
  })
}

/**
 * The certificate is read as soon as it is presented, because a server that demands a client certificate then
 * ends the handshake.
 */
function shakeHands(host: string): Promise<Pick<Probe, 'messagePort' | 'certificate'>> {
  return new Promise((done) => {
    let isOpen = false
    // Any server will do: the certificate is only compared, and no data is sent.
    const socket = tls.connect({ host, port: MESSAGE_PORT, rejectUnauthorized: false, minVersion: 'TLSv1.2' })
    const deadline = setTimeout(() => end('silent'), TIMEOUT_MS)
    const end = (state: PortState): void => {
      clearTimeout(deadline)
      const certificate = shownBy(socket)
      socket.destroy()
      if (certificate !== undefined) done({ messagePort: 'open', certificate })
      else done({ messagePort: isOpen && state !== 'open' ? 'noTls' : state })
    }
    socket.once('connect', () => (isOpen = true))
    socket.once('secureConnect', () => end('open'))
    socket.on('error', ({ code }: NodeJS.ErrnoException) => end(stateOf(code)))
    socket.once('close', () => end('closed'))
  })
}

function shownBy(socket: tls.TLSSocket): string | undefined {
  try {
    const der = socket.getPeerX509Certificate()?.raw
    if (der === undefined || der.length > MAX_CERTIFICATE_BYTES) return undefined
    return readCertificate(Buffer.from(der)).sha256
  } catch {
    // No certificate was presented, or it cannot be read, so this is not a security server.
    return undefined
  }
}

function stateOf(code: string | undefined): PortState {
  return code === 'ETIMEDOUT' || code === 'EHOSTUNREACH' || code === 'ENETUNREACH' ? 'silent' : 'closed'
}
