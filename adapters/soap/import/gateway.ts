/**
 * What both sides of X-Road's REST adapter service have in their settings: numbered services, identifiers
 * with dots, encryption.
 */
import { checkCode, idText, type MemberId, type SubsystemId } from '#schemas/identifiers.ts'

export type Properties = ReadonlyMap<string, string>

/** A service as it is numbered: `3.id`, `3.url`. */
export type NumberedService = { number: string; of: Properties }

/** What becomes of a gateway: a file of settings, and a line for each thing that it cannot say. */
export type Imported = { name: string; settings: object; notes: string[] }

export type GatewayService = SubsystemId & { serviceCode: string; serviceVersion: string | undefined }

export const OWN_ADDRESS = 'listen: each of these files needs an address or ports of its own'
const NUMBERED = /^(\d{1,6})\.(.+)$/
/** What the gateway takes for a version, where the number of parts leaves it open. */
const VERSION = /^v\d+([._-]\d+)*$/i
const ENCRYPTION = [
  ...['keyLength', 'publicKeyFile', 'publicKeyFilePassword', 'privateKeyFile', 'privateKeyFilePassword'],
  ...['privateKeyAlias', 'privateKeyPassword'],
]

/** In the order of their numbers. */
export function numberedServices(properties: Properties): NumberedService[] {
  const services = new Map<number, Map<string, string>>()
  for (const [key, value] of properties) {
    const [, number, name] = NUMBERED.exec(key) ?? []
    if (number === undefined || name === undefined) continue
    const of = services.get(Number(number)) ?? new Map<string, string>()
    services.set(Number(number), of.set(name, value))
  }
  return [...services]
    .sort(([one], [other]) => one - other)
    .map(([number, of]) => ({ number: String(number), of }))
}

/**
 * `INSTANCE.CLASS.CODE.SUBSYSTEM.service[.version]`; undefined for one without a subsystem, or with other
 * parts.
 */
export function gatewayService(id: string): GatewayService | undefined {
  const parts = id.split('.')
  const isVersioned = parts.length === 6 || (parts.length === 5 && VERSION.test(parts[4]!))
  const codes = isVersioned ? parts.slice(0, -1) : parts
  if (codes.length !== 5 || !codes.every(isCode)) return undefined
  const [instance, memberClass, memberCode, subsystemCode, serviceCode] = codes as [
    string,
    string,
    string,
    string,
    string,
  ]
  const serviceVersion = isVersioned ? parts.at(-1) : undefined
  return { instance, memberClass, memberCode, subsystemCode, serviceCode, serviceVersion }
}

/** `INSTANCE.CLASS.CODE[.SUBSYSTEM]` as the headers of REST write it. */
export function gatewayClient(id: string): string | undefined {
  const [instance = '', memberClass = '', memberCode = '', subsystemCode, ...more] = id.split('.')
  const codes = [instance, memberClass, memberCode, ...(subsystemCode === undefined ? [] : [subsystemCode])]
  if (more.length > 0 || !codes.every(isCode)) return undefined
  return idText({ instance, memberClass, memberCode, subsystemCode } as MemberId)
}

/** Notes of the general settings of either side. */
export function generalNotes(properties: Properties, known: readonly string[]): string[] {
  const notes: string[] = []
  if (ENCRYPTION.some((key) => properties.has(key)))
    notes.push('keys and passwords of the encryption between gateways: no adapter encrypts beside X-Road')
  for (const key of properties.keys())
    if (!known.includes(key) && !ENCRYPTION.includes(key)) notes.push(`${key}: not known`)
  return notes
}

/** Notes of the settings of one service that nothing stands for. */
export function serviceNotes({ number, of }: NumberedService, known: readonly string[]): string[] {
  const notes: string[] = []
  for (const way of ['request', 'response'])
    if (of.get(`${way}.encrypted`) === 'true')
      notes.push(`${number}.${way}.encrypted: not carried over, the other side has to switch it off too`)
  for (const key of of.keys())
    if (!known.includes(key) && !key.endsWith('.encrypted')) notes.push(`${number}.${key}: not known`)
  return notes
}

function isCode(code: string): boolean {
  try {
    checkCode(code)
    return true
  } catch {
    return false
  }
}
