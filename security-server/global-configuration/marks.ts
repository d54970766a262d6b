/**
 * The file that outlives all other files of this room: how new the configuration was, and which certificates it named, for the
 * time after a change of keys. Lost or damaged marks must be reported as an error, because without them an old configuration
 * would be accepted.
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

/** With how late it was (ms) when the registry could not be reached; undefined while it can. */
type Stored = { marks: Marks; passed: number | undefined }

const FORMAT = 1

/** Reads the marks; empty when there is no file yet. Throws `io_error` for a damaged file. */
export async function readMarks(directory: string): Promise<Stored> {
  let text: string
  try {
    text = await readFile(fileIn(directory), 'utf8')
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT')
      return { marks: new Map(), passed: undefined }
    throw new Fault('io_error', { what: fileIn(directory), cause })
  }
  try {
    return parse(JSON.parse(text))
  } catch (cause) {
    throw new Fault('io_error', { what: `${fileIn(directory)} is damaged`, cause })
  }
}

/** The content of the file; equal marks give equal bytes. */
export function marksBytes({ marks, passed }: Stored): Buffer {
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
  return Buffer.from(`${JSON.stringify({ format: FORMAT, instances, passed }, undefined, 2)}\n`)
}

/** Replaces the file durably. */
export async function writeMarks(directory: string, stored: Stored, files: DurableFiles): Promise<void> {
  await files.replace(fileIn(directory), marksBytes(stored))
}

function fileIn(directory: string): string {
  return path.join(directory, 'marks.json')
}

function parse(value: unknown): Stored {
  if (!isObject(value) || value['format'] !== FORMAT || !Array.isArray(value['instances']))
    throw new Error('format')
  const { passed } = value
  if (passed !== undefined && !Number.isSafeInteger(passed)) throw new Error('passed')
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
  return { marks, passed: passed as number | undefined }
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
