/** The door to the mail server: one message by SMTP, encrypted unless the settings say otherwise, bounded in time. */
import { Socket } from 'node:net'
import { Fault } from '#schemas/fault.ts'

export type MailServer = {
  host: string
  port: number
  /** `starttls` and `tls` insist on a certificate that is trusted and fits the host. */
  tls: 'starttls' | 'tls' | 'none'
  from: string
  user?: string | undefined
  password?: string | undefined
  /** PEM of the authorities; the system's where absent. */
  ca?: string | undefined
}
type Message = { id: string; to: string; subject: string; text: string }

/**
 * Resolves when the server has taken it. Throws `mail_address_refused` when it never takes anything for this recipient,
 * `mail_refused` when it never takes this message, `mail_failed` else.
 */
export type SendMail = (message: Message) => Promise<void>

const TIMEOUT_MS = 15_000
/** A server that says a byte now and then holds a message no longer than this. */
const TOTAL_MS = 60_000
const PERMANENT = 500

export function createSendMail(q: MailServer, { totalMs = TOTAL_MS } = {}): SendMail {
  const domain = q.from.slice(q.from.lastIndexOf('@') + 1)
  return async ({ id, to, subject, text }) => {
    // The library listens for its errors only from the time it connects.
    const socket = new Socket().on('error', () => undefined)
    const timer = setTimeout(() => socket.destroy(new Error('it took too long')), totalMs)
    try {
      const transport = await openTransport(q, socket)
      await transport.sendMail({
        from: { name: '', address: q.from },
        to: { name: '', address: to },
        envelope: { from: q.from, to: [to] },
        subject,
        text,
        // The same at each try, so that a message which came twice is seen to be one.
        messageId: `<${id}@${domain}>`,
        headers: { 'Auto-Submitted': 'auto-generated' },
      })
    } catch (thrown) {
      throw faultOf(thrown)
    } finally {
      clearTimeout(timer)
      socket.destroy()
    }
  }
}

/** The library is loaded for the first message. */
async function openTransport(q: MailServer, socket: Socket) {
  const { createTransport } = await import('nodemailer')
  return createTransport({
    socket,
    host: q.host,
    port: q.port,
    secure: q.tls === 'tls',
    requireTLS: q.tls === 'starttls',
    ignoreTLS: q.tls === 'none',
    ...(q.user === undefined ? {} : { auth: { user: q.user, pass: q.password ?? '' } }),
    tls: { minVersion: 'TLSv1.2', rejectUnauthorized: true, ...(q.ca === undefined ? {} : { ca: q.ca }) },
    connectionTimeout: TIMEOUT_MS,
    greetingTimeout: TIMEOUT_MS,
    socketTimeout: TIMEOUT_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
    logger: false,
  })
}

/** The library's error and the server's answer hold addresses: only codes go on. */
function faultOf(thrown: unknown): Fault {
  const { code, command, responseCode } = thrown as {
    code?: unknown
    command?: unknown
    responseCode?: unknown
  }
  const status = typeof responseCode === 'number' ? responseCode : undefined
  const what =
    status === undefined
      ? `the mail server cannot be used (${/^[A-Z]{1,20}$/.test(String(code)) ? String(code) : 'error'})`
      : `the mail server answered ${status}`
  // A password or a sender that the server does not like is the settings' fault, not the message's.
  const isFinal = status !== undefined && status >= PERMANENT
  if (isFinal && command === 'RCPT TO') return new Fault('mail_address_refused', { what })
  return new Fault(isFinal && command === 'DATA' ? 'mail_refused' : 'mail_failed', { what })
}
