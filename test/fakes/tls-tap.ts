/**
 * A relay that reads from each TLS connection what the server chose in its first message (RFC 5246 7.4.1.3,
 * RFC 8446 4.1.3).
 */
import net from 'node:net'

type TlsTap = {
  /** Version and suite of each connection so far, oldest first: "TLSv1.2 ECDHE-RSA-AES256-SHA384". */
  chosen: string[]
  close(): Promise<void>
}

const VERSIONS: Record<number, string> = { 769: 'TLSv1', 770: 'TLSv1.1', 771: 'TLSv1.2', 772: 'TLSv1.3' }
const SUITES: Record<number, string> = {
  107: 'DHE-RSA-AES256-SHA256',
  49188: 'ECDHE-ECDSA-AES256-SHA384',
  49192: 'ECDHE-RSA-AES256-SHA384',
}
const SERVER_HELLO = 2
const SUPPORTED_VERSIONS = 43

export async function startTlsTap(q: { host: string; port: number; to: string }): Promise<TlsTap> {
  const chosen: string[] = []
  const sockets = new Set<net.Socket>()
  const relay = net.createServer((client) => {
    const server = net.connect(q.port, q.to)
    let head = Buffer.alloc(0)
    let known = false
    server.on('data', (chunk: Buffer) => {
      if (known) return
      head = Buffer.concat([head, chunk])
      const hello = serverHello(head)
      if (hello === undefined) return
      known = true
      chosen.push(hello)
    })
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      sockets.add(one)
      one.pipe(other)
      one.on('error', () => other.destroy())
      one.once('close', () => {
        sockets.delete(one)
        other.destroy()
      })
    }
  })
  await new Promise<void>((resolve) => relay.listen(q.port, q.host, resolve))
  return {
    chosen,
    close: () =>
      new Promise((resolve) => {
        relay.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}

/** Undefined until the complete message has come; 'none' when an alert comes instead. */
function serverHello(bytes: Buffer): string | undefined {
  if (bytes.length < 9 || bytes.length < 5 + bytes.readUInt16BE(3)) return undefined
  if (bytes[0] !== 0x16 || bytes[5] !== SERVER_HELLO) return 'none'
  const message = bytes.subarray(9, 9 + bytes.readUIntBE(6, 3))
  let at = 34
  at += 1 + message[at]!
  const suite = message.readUInt16BE(at)
  let version = message.readUInt16BE(0)
  for (at += 5; at + 4 <= message.length; at += 4 + message.readUInt16BE(at + 2)) {
    if (message.readUInt16BE(at) === SUPPORTED_VERSIONS) version = message.readUInt16BE(at + 4)
  }
  return [VERSIONS[version] ?? version, SUITES[suite] ?? suite.toString(16)].join(' ')
}
