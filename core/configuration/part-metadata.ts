/** The `.metadata` file that X-Road keeps beside each part of a configuration on disk (wire digest 5.7). */
import { Fault } from '#schemas/fault.ts'

/** Everything may be absent: X-Road's GET /verificationconf gives the version only. */
export type PartMetadata = {
  contentIdentifier?: string | undefined
  instanceIdentifier?: string | undefined
  expirationDate?: Date | undefined
  contentFileName?: string | undefined
  contentLocation?: string | undefined
  /** Absent means version 2. */
  configurationVersion?: string | undefined
}

const CODE = 'malformed_global_conf'
const MAX_BYTES = 16 * 1024

/** Writes the JSON as X-Road does: these keys in this order, absent ones left out. */
export function writePartMetadata(metadata: PartMetadata): Buffer {
  const { contentIdentifier, instanceIdentifier, expirationDate, contentFileName } = metadata
  return Buffer.from(
    JSON.stringify({
      contentIdentifier,
      instanceIdentifier,
      expirationDate: expirationDate?.toISOString().replace(/\.000Z$/, 'Z'),
      contentFileName,
      contentLocation: metadata.contentLocation,
      configurationVersion: metadata.configurationVersion,
    }),
  )
}

/** Reads such a file; anything amiss is `malformed_global_conf`. */
export function parsePartMetadata(json: Buffer): PartMetadata {
  const fields = parseObject(json)
  const text = (name: string): string | undefined => {
    const value = fields[name]
    if (value === undefined || value === null) return undefined
    if (typeof value !== 'string') throw new Fault(CODE, { what: `metadata: ${name} is not text` })
    return value
  }
  const expires = text('expirationDate')
  const expirationDate = expires === undefined ? undefined : new Date(expires)
  if (Number.isNaN(expirationDate?.getTime()))
    throw new Fault(CODE, { what: 'metadata: expirationDate is no time' })
  return {
    contentIdentifier: text('contentIdentifier'),
    instanceIdentifier: text('instanceIdentifier'),
    expirationDate,
    contentFileName: text('contentFileName'),
    contentLocation: text('contentLocation'),
    configurationVersion: text('configurationVersion'),
  }
}

function parseObject(json: Buffer): Record<string, unknown> {
  if (json.length > MAX_BYTES) throw new Fault(CODE, { what: 'metadata: it is too large' })
  try {
    const value: unknown = JSON.parse(json.toString('utf8'))
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>
  } catch (cause) {
    throw new Fault(CODE, { what: 'metadata: it is not JSON', cause })
  }
  throw new Fault(CODE, { what: 'metadata: it is not an object' })
}
