/**
 * A mail server on loopback, with STARTTLS, TLS or in clear, that accepts messages, refuses them or breaks
 * off as a test wants.
 */
import type { AddressInfo } from 'node:net'
import { SMTPServer } from 'smtp-server'
import type { Test } from 'tap'
import type { MailServer } from '#platform/mail/client.ts'
import { tlsIdentity } from './xroad-management.ts'

type Received = {
  from: string
  to: string[]
  raw: string
  isSecure: boolean
  user: string | undefined
}
export type FakeMailServer = {
  server: MailServer
  received: Received[]
  /** The status for a recipient; 250 when undefined. */
  refuse: ((recipient: string) => number | undefined) | undefined
  /** Refuses all connections for now. */
  isDown: boolean
}

const PASSWORD = 'p & <w>'

export async function startMailServer(
  t: Test,
  o: { tls?: MailServer['tls']; offersTls?: boolean } = {},
): Promise<FakeMailServer> {
  const { tls = 'starttls', offersTls = tls !== 'none' } = o
  const { cert, key } = tlsIdentity('localhost')
  const smtp = new SMTPServer({
    ...{ secure: tls === 'tls', cert, key, logger: false, authOptional: tls === 'none' },
    ...(offersTls ? {} : { disabledCommands: ['STARTTLS', 'AUTH'], authOptional: true }),
    onAuth: ({ username, password }, _session, callback) =>
      password === PASSWORD
        ? callback(null, { user: username })
        : callback(Object.assign(new Error('no'), { responseCode: 535 })),
    onMailFrom: (_address, _session, callback) =>
      callback(fake.isDown ? Object.assign(new Error('later'), { responseCode: 451 }) : null),
    onRcptTo({ address }, _session, callback) {
      const code = fake.refuse?.(address)
      callback(
        code === undefined ? null : Object.assign(new Error(`<${address}> no`), { responseCode: code }),
      )
    },
    onData(stream, { envelope, secure, user }, callback) {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        fake.received.push({
          from: envelope.mailFrom === false ? '' : envelope.mailFrom.address,
          to: envelope.rcptTo.map(({ address }) => address),
          ...{ raw: Buffer.concat(chunks).toString(), isSecure: secure, user },
        })
        callback()
      })
    },
  })
  smtp.on('error', () => undefined)
  const listening = await new Promise<AddressInfo>((resolve) => {
    const server = smtp.listen(0, '127.0.0.1', () => resolve(server.address() as AddressInfo))
  })
  t.teardown(() => new Promise<void>((resolve) => smtp.close(() => resolve())))
  const fake: FakeMailServer = {
    server: {
      ...{ host: 'localhost', port: listening.port, tls, from: 'registry@dev.example', ca: cert },
      ...(tls === 'none' || !offersTls ? {} : { user: 'registry', password: PASSWORD }),
    },
    ...{ received: [], refuse: undefined, isDown: false },
  }
  return fake
}

/** The header of a message, unfolded; undefined unless it occurs exactly once. */
export function headerOf(raw: string, name: string): string | undefined {
  const head = raw.slice(0, raw.indexOf('\r\n\r\n')).replace(/\r\n[ \t]+/g, ' ')
  const lines = head.split('\r\n').filter((line) => line.toLowerCase().startsWith(`${name.toLowerCase()}:`))
  return lines.length === 1 ? lines[0]!.slice(name.length + 1).trim() : undefined
}
