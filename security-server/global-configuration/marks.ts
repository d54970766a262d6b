/**
 * The file that outlives all other files of this room: how new the configuration was, and which certificates
 * it named, for the time after a change of keys. Lost or damaged marks must be reported as an error, because
 * without them an old configuration would be accepted.
 */
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import type { HighWaterMark } from '#core/configuration/high-water.ts'
import { Fault } from '#schemas/fault.ts'
import type { DurableFiles } from './durable-files.ts'

export type InstanceMarks = {
  mark: HighWaterMark
  /** DER of the signing certificates that the accepted shared parameters name in their sources. */
  learnedCertificates: Buffer[]
}

/** The marks of each instance. */
export type Marks = ReadonlyMap<string, InstanceMarks>

export type Stored = {
  marks: Marks
  /** How late it was (ms) when the registry could not be reached; undefined while it can. */
  passed: number | undefined
  /** How often an operator has made all nodes forget a history; 0 for a server that is one node. */
  forgotten: number
  /**
   * Digest of the anchor's certificates under which the others were learned; undefined where nothing was, or
   * before it was kept.
   */
  anchor: string | undefined
}

const FORMAT = 1
const FILE = 'marks.json'

/** Reads the marks; empty when there is no file yet. Throws `io_error` for a damaged file. */
export async function readMarks(directory: string, name = FILE): Promise<Stored> {
  const file = path.join(directory, name)
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT')
      return { marks: new Map(), passed: undefined, forgotten: 0, anchor: undefined }
    throw new Fault('io_error', { what: file, cause })
  }
  try {
    return parse(JSON.parse(text))
  } catch (cause) {
    throw new Fault('io_error', { what: `${file} is damaged`, cause })
  }
}

/** The content of the file; equal marks give equal bytes. */
export function marksBytes({ marks, passed, forgotten, anchor }: Stored): Buffer {
  const instances = [...marks]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([instance, { mark, learnedCertificates }]) => ({
      instance,
      publishedAt: mark.publishedAt,
      statement: mark.statement,
      logHead: mark.logHead,
      suspensions: mark.suspensions,
      learnedCertificates: learnedCertificates.map((certificate) => certificate.toString('base64')),
    }))
  const value = { format: FORMAT, instances, passed, anchor, ...(forgotten > 0 && { forgotten }) }
  return Buffer.from(`${JSON.stringify(value, undefined, 2)}\n`)
}

/** Replaces the file durably. */
export async function writeMarks(directory: string, stored: Stored, files: DurableFiles): Promise<void> {
  await files.replace(path.join(directory, FILE), marksBytes(stored))
}

function parse(value: unknown): Stored {
  if (!isObject(value) || value['format'] !== FORMAT || !Array.isArray(value['instances']))
    throw new Error('format')
  const { passed, forgotten = 0, anchor } = value
  if (anchor !== undefined && typeof anchor !== 'string') throw new Error('anchor')
  if (passed !== undefined && !Number.isSafeInteger(passed)) throw new Error('passed')
  if (!Number.isSafeInteger(forgotten)) throw new Error('forgotten')
  const marks = new Map(
    value['instances'].map((entry: unknown): [string, InstanceMarks] => {
      if (!isObject(entry) || typeof entry['instance'] !== 'string') throw new Error('instance')
      const certificates = entry['learnedCertificates']
      if (!Array.isArray(certificates)) throw new Error('learnedCertificates')
      const learnedCertificates = certificates.map((text: unknown) => Buffer.from(String(text), 'base64'))
      const publishedAt = entry['publishedAt']
      if (publishedAt !== undefined && !Number.isSafeInteger(publishedAt)) throw new Error('publishedAt')
      const statement = parseStatement(entry['statement'])
      const logHead = parseLogHead(entry['logHead'])
      const suspensions = parseSuspensions(entry['suspensions'])
      return [
        entry['instance'],
        {
          mark: { publishedAt: publishedAt as number | undefined, statement, logHead, suspensions },
          learnedCertificates,
        },
      ]
    }),
  )
  return { marks, passed: passed as number | undefined, forgotten: forgotten as number, anchor }
}

function parseStatement(value: unknown): HighWaterMark['statement'] {
  if (value === undefined) return undefined
  if (!isObject(value)) throw new Error('statement')
  const { index, parts } = value
  if (typeof index !== 'number' || !Number.isSafeInteger(index) || typeof parts !== 'string')
    throw new Error('statement')
  return { index, parts }
}

function parseLogHead(value: unknown): HighWaterMark['logHead'] {
  if (value === undefined) return undefined
  if (!isObject(value) || !isObject(value['head'])) throw new Error('logHead')
  const { instance, index, size, root } = value['head']
  const { text } = value
  if (
    ![instance, root, text].every((one) => typeof one === 'string') ||
    ![index, size].every(Number.isSafeInteger)
  )
    throw new Error('logHead')
  return { head: { instance, index, size, root }, text } as HighWaterMark['logHead']
}

function parseSuspensions(value: unknown): HighWaterMark['suspensions'] {
  if (value === undefined) return undefined
  if (!isObject(value)) throw new Error('suspensions')
  const { number, digest } = value
  if (typeof number !== 'number' || !Number.isSafeInteger(number) || typeof digest !== 'string')
    throw new Error('suspensions')
  return { number, digest }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
