/**
 * The settings of an agency's own HTTP system: its address, its TLS, how the adapter proves to it who it is,
 * the bounds of a call.
 */
import type { Problem } from '#platform/configuration/read-configuration.ts'
import { isSafe } from '#platform/sessions/settings.ts'
import { HOP_BY_HOP } from '#schemas/wire.ts'

export type AuthenticationSettings = {
  kind: 'oauth' | 'basic' | 'header'
  /** The client's secret, the user's password, or the header's value. */
  secretFile: string
  tokenUrl?: string
  clientId?: string
  scope?: string
  resource?: string
  user?: string
  header?: string
}

export type SystemSettings = {
  url: string
  authorityFile?: string
  certificateFile?: string
  keyFile?: string
  authentication?: AuthenticationSettings
}

export type CallLimits = {
  calls: number
  waiting: number
  answerMs: number
  wholeMs: number
  requestBytes: number
  answerBytes: number
}

const file = (description: string): object => ({ type: 'string', 'x-path': true, description })
const text = { type: 'string', minLength: 1, maxLength: 255, pattern: '^[\\x20-\\x7e]+$' } as const
const url = { type: 'string', pattern: '^https?://[^?#@\\s]+$', maxLength: 500 } as const
export const HEADER_NAME = "^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$"

/** JSON Schema of `system`, which is required. */
export const systemProperty = {
  type: 'object',
  additionalProperties: false,
  required: ['url'],
  dependentRequired: { certificateFile: ['keyFile'], keyFile: ['certificateFile'] },
  properties: {
    url: { ...url, description: 'Where it answers, with the beginning of all its paths' },
    authorityFile: file('PEM: who certifies its TLS; those whom Node trusts when absent'),
    certificateFile: file('PEM: what the adapter shows it'),
    keyFile: file('mode 0600'),
    authentication: {
      type: 'object',
      additionalProperties: false,
      required: ['kind', 'secretFile'],
      properties: {
        kind: { type: 'string', enum: ['oauth', 'basic', 'header'] },
        secretFile: file('mode 0600'),
        tokenUrl: url,
        clientId: text,
        scope: text,
        resource: text,
        user: { ...text, pattern: '^[^:\\x00-\\x1f\\x7f]+$' },
        header: { type: 'string', pattern: HEADER_NAME },
      },
    },
  },
} as const

/** JSON Schema of `limits`. */
export const callLimitsProperty = {
  type: 'object',
  additionalProperties: false,
  default: {},
  properties: {
    calls: { type: 'integer', minimum: 1, maximum: 1000, default: 32 },
    waiting: { type: 'integer', minimum: 0, maximum: 10_000, default: 100 },
    answerMs: { type: 'integer', minimum: 50, maximum: 600_000, default: 30_000 },
    wholeMs: { type: 'integer', minimum: 50, maximum: 3_600_000, default: 60_000 },
    requestBytes: { type: 'integer', minimum: 1, maximum: 1_073_741_824, default: 10_485_760 },
    answerBytes: { type: 'integer', minimum: 1024, maximum: 1_073_741_824, default: 10_485_760 },
  },
} as const

const WANTED: Record<AuthenticationSettings['kind'], readonly (keyof AuthenticationSettings)[]> = {
  oauth: ['tokenUrl', 'clientId'],
  basic: ['user'],
  header: ['header'],
}
const ALLOWED: typeof WANTED = {
  oauth: [...WANTED.oauth, 'scope', 'resource'],
  basic: WANTED.basic,
  header: WANTED.header,
}

/**
 * Throws what `problem` makes if data or a secret would leave this machine unencrypted, or settings do not go
 * together.
 */
export function checkSystem(system: SystemSettings, problem: Problem): void {
  checkAddress(system.url, 'url', (keys, what) => problem(['system', ...keys], what))
  const isHttps = new URL(system.url).protocol === 'https:'
  for (const name of ['authorityFile', 'certificateFile'] as const)
    if (!isHttps && system[name] !== undefined) throw problem(['system', name], 'is for https')
  const { authentication } = system
  if (authentication === undefined) return
  const fail: Problem = (keys, what) => problem(['system', 'authentication', ...keys], what)
  const { kind, tokenUrl } = authentication
  for (const name of WANTED[kind])
    if (authentication[name] === undefined) throw fail([name], `is needed for ${kind}`)
  for (const name of ['tokenUrl', 'clientId', 'scope', 'resource', 'user', 'header'] as const)
    if (authentication[name] !== undefined && !ALLOWED[kind].includes(name))
      throw fail([name], `is not for ${kind}`)
  const { header = '' } = authentication
  if (HOP_BY_HOP.has(header.toLowerCase())) throw fail(['header'], 'belongs to one connection')
  if (tokenUrl !== undefined) checkAddress(tokenUrl, 'tokenUrl', fail)
}

function checkAddress(address: string, name: string, problem: Problem): void {
  if (!isSafe(address)) throw problem([name], 'must be https, or http to a loopback address')
}
