/** The part of a server's settings about its mail server. */
import { readFile } from 'node:fs/promises'
import { isAddress } from '#core/mail/mail-address.ts'
import { readSecret } from '#platform/configuration/read-secret.ts'
import { isLoopback } from '#platform/sessions/settings.ts'
import { Fault } from '#schemas/fault.ts'
import type { MailServer } from './client.ts'

export type MailSettings = {
  host: string
  port: number
  tls: 'starttls' | 'tls' | 'none'
  from: string
  user?: string | undefined
  passwordFile?: string | undefined
  caFile?: string | undefined
}

/** The JSON Schema; `more` are properties of one server alone. */
export const mailSchema = (description: string, more: object = {}) =>
  ({
    type: 'object',
    additionalProperties: false,
    required: ['host', 'from'],
    dependentRequired: { user: ['passwordFile'], passwordFile: ['user'] },
    description,
    properties: {
      host: { type: 'string', pattern: '^[A-Za-z0-9.:-]{1,253}$' },
      port: { type: 'integer', minimum: 1, maximum: 65535, default: 587 },
      tls: {
        type: 'string',
        enum: ['starttls', 'tls', 'none'],
        default: 'starttls',
        description: 'none sends in clear',
      },
      from: { type: 'string', maxLength: 254, description: 'The sender' },
      ...more,
      user: { type: 'string', minLength: 1, maxLength: 255 },
      passwordFile: { type: 'string', 'x-path': true, description: 'Our password there, mode 0600' },
      caFile: { type: 'string', 'x-path': true, description: 'PEM of the CAs of its certificate' },
    },
  }) as const

/**
 * Throws `invalid_configuration` for a sender that is no address, and for a password that would be sent in
 * clear.
 */
export function checkMail(mail: MailSettings | undefined): void {
  if (mail === undefined) return
  if (!isAddress(mail.from))
    throw new Fault('invalid_configuration', { what: 'mail.from is a plain e-mail address' })
  if (mail.tls === 'none' && mail.user !== undefined && !isLoopback(mail.host))
    throw new Fault('invalid_configuration', {
      what: 'mail.user needs mail.tls: a password is not sent in clear',
    })
}

/** The mail server with what its files contain; undefined without settings. Throws as `checkMail`. */
export async function readMailServer<M extends MailSettings>(
  mail: M | undefined,
): Promise<(MailServer & Omit<M, 'passwordFile' | 'caFile'>) | undefined> {
  if (mail === undefined) return undefined
  checkMail(mail)
  const { passwordFile, caFile, ...server } = mail
  return {
    ...server,
    password: passwordFile === undefined ? undefined : await readSecret(passwordFile),
    ca: caFile === undefined ? undefined : await readFile(caFile, 'utf8'),
  }
}
