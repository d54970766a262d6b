/** The settings of the mandate services that contracts may name. */
import { isSafe } from '#platform/sessions/settings.ts'
import { Fault } from '#schemas/fault.ts'

export type MandateServiceSettings = {
  /** As contracts name it. */
  name: string
  /** Whose interface it has: of Estonia's Pääsuke, or the query between systems of Finland's Suomi.fi. */
  kind: 'paasuke' | 'suomifi'
  url: string
  /** The subsystem, in text form, as which a security server at `url` is asked. */
  client?: string
  /**
   * The country whose letters stand before a code in identifiers: added for Pääsuke, taken off for Suomi.fi.
   */
  country?: string
  /** The classes of parties whose codes the service knows; absent: the class stays the client's word. */
  partyClasses?: string[]
  /** Of Suomi.fi: who asks, and the secret of its checksums. */
  clientId?: string
  apiKeyFile?: string
  certificateFile?: string
  keyFile?: string
  authorityFile?: string
  timeoutSeconds: number
}

const file = (description: string): object => ({ type: 'string', 'x-path': true, description })

export const mandateServicesSchema = {
  type: 'array',
  maxItems: 20,
  default: [],
  description: 'Where mandates are asked for that service contracts name',
  items: {
    type: 'object',
    additionalProperties: false,
    required: ['name', 'kind', 'url'],
    properties: {
      name: {
        type: 'string',
        pattern: '^[^\\s\\p{C}]{1,255}$',
        description: 'As contracts name it',
      },
      kind: { enum: ['paasuke', 'suomifi'], description: 'Whose interface it has' },
      url: {
        type: 'string',
        pattern: '^https?://[^\\s?#]+$',
        maxLength: 1000,
        description:
          'Its address, https or http to loopback; a service of X-Road by the own security server, with /r1/',
      },
      client: { type: 'string', maxLength: 1100, description: 'X-Road-Client: the subsystem that asks' },
      country: { type: 'string', pattern: '^[A-Z]{2}$', description: 'The letters before codes, EE' },
      partyClasses: {
        type: 'array',
        minItems: 1,
        maxItems: 50,
        items: { type: 'string', minLength: 1, maxLength: 255 },
        description:
          'Classes that may stand before the code of a party; without them any, as the client says',
      },
      clientId: { type: 'string', pattern: '^[A-Za-z0-9-]{1,100}$', description: 'Our id at Suomi.fi' },
      apiKeyFile: file('Our key at Suomi.fi, mode 0600'),
      certificateFile: file('What this server shows there, PEM'),
      keyFile: file('Its private key, mode 0600'),
      authorityFile: file("PEM of the service's certificate or of its issuer; else the system's CAs decide"),
      timeoutSeconds: { type: 'integer', minimum: 1, maximum: 30, default: 5 },
    },
  },
} as const

/** Throws `invalid_configuration`. */
export function checkMandateServices(all: readonly MandateServiceSettings[]): void {
  const wrong = (name: string, why: string): Fault =>
    new Fault('invalid_configuration', { what: `mandateServices: ${name} ${why}` })
  for (const { name, kind, url, clientId, apiKeyFile, certificateFile, keyFile } of all) {
    if (all.filter((one) => one.name === name).length > 1) throw wrong(name, 'stands there twice')
    if (!isSafe(url)) throw wrong(name, 'has to be https, or http to a loopback address')
    if (kind === 'suomifi' && (clientId === undefined || apiKeyFile === undefined))
      throw wrong(name, 'needs clientId and apiKeyFile')
    if ((certificateFile === undefined) !== (keyFile === undefined))
      throw wrong(name, 'needs both certificateFile and keyFile, or neither')
  }
}
