/**
 * Sends one message to the mail server by SMTP, encrypted unless the settings say otherwise, with a time
 * limit.
 */
import { Socket } from 'node:net'
import { Fault } from '#schemas/fault.ts'

export type MailServer = {
  host: string
  port: number
  /** `starttls` and `tls` require a trusted certificate that names the host. */
  tls: 'starttls' | 'tls' | 'none'
  from: string
  user?: string | undefined
  password?: string | undefined
  /** PEM of the CAs; without it, those of the operating system are used. */
  ca?: string | undefined
}
/** `stopAt`: the address at which its recipient stops such messages without a login (RFC 8058). */
type Message = { id: string; to: string; subject: string; text: string; stopAt?: string | undefined }

/**
 * Resolves when the server has accepted the message. Throws `mail_address_refused` when it rejects this
 * recipient for good, `mail_refused` when it rejects this message for good, and otherwise `mail_failed`.
 */
export type SendMail = (message: Message) => Promise<void>

const TIMEOUT_MS = 15_000
/** Milliseconds after which a message is given up, even when the server still sends a byte now and then. */
const TOTAL_MS = 60_000
const PERMANENT = 500

export function createSendMail(q: MailServer, { totalMs = TOTAL_MS } = {}): SendMail {
  const domain = q.from.slice(q.from.lastIndexOf('@') + 1)
  return async ({ id, to, subject, text, stopAt }) => {
    // The library listens for the socket's errors only once it connects.
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
        // The same id at each try, so that mail programs recognise a message that arrives twice.
        messageId: `<${id}@${domain}>`,
        headers: {
          'Auto-Submitted': 'auto-generated',
          ...(stopAt !== undefined && {
            'List-Unsubscribe': `<${stopAt}>`,
            'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
          }),
        },
      })
    } catch (thrown) {
      throw faultOf(thrown)
    } finally {
      clearTimeout(timer)
      socket.destroy()
    }
  }
}

/** The library is loaded with the first message. */
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

/** The library's error and the server's answer may contain addresses, so only codes are passed on. */
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
  // A rejected password or sender is a mistake in the settings; the message may still be sent later.
  const isFinal = status !== undefined && status >= PERMANENT
  if (isFinal && command === 'RCPT TO') return new Fault('mail_address_refused', { what })
  return new Fault(isFinal && command === 'DATA' ? 'mail_refused' : 'mail_failed', { what })
}
