/**
 * `refresh`: shows in plain words what a new document of a service description would change, and applies
 * exactly that once a person has agreed.
 */
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline/promises'
import { parseArgs } from 'node:util'
import { printable } from '#platform/plain-text.ts'
import type { ManagementApi } from './client.ts'
import { CommandError } from './command-error.ts'
import { type Change, changeInWords } from './refresh-in-words.ts'
import type { More } from './run-management.ts'

export const REFRESH_USAGE =
  'Show what a new document of a description would change, and apply it: refresh <id> [--file FILE | --address URL] [--accept DIGEST] [--ignoreWarnings]'

/** `address`: from where the document is fetched now, and from then on. */
type Words = {
  id: string
  file: string | undefined
  address: string | undefined
  accept: string | undefined
  ignoreWarnings: boolean
}

/** Undefined where the document is fetched from its address. */
type Source = { document: Buffer } | { url: string } | undefined

/**
 * Exit code 0 when it was applied or nothing would change, 3 when nobody agreed, 1 when it is not what was
 * accepted.
 */
export const refresh: More['run'] = async ({ api, args }) => {
  const words = wordsOf(args)
  const source = await sourceOf(words)
  const at = `/api/v1/service-descriptions/${encodeURIComponent(words.id)}`
  const change = await show(api, at, source)
  for (const line of changeInWords(change)) process.stdout.write(`${printable(line)}\n`)
  if (change.same) return 0
  if (words.accept !== undefined && words.accept !== change.digest)
    throw new CommandError(1, `not applied: ${words.accept} was accepted, and this is ${change.digest}`)
  const warnings = change.warnings.length
  if (words.accept !== undefined && warnings > 0 && !words.ignoreWarnings)
    throw new CommandError(1, 'not applied: it has warnings; --ignoreWarnings applies it all the same')
  if (words.accept === undefined && !(await agrees(warnings))) {
    process.stdout.write('Nothing is changed.\n')
    return 3
  }
  await apply(api, at, source, { accept: change.digest, ignoreWarnings: warnings > 0 })
  process.stdout.write('Applied.\n')
  return 0
}

async function sourceOf({ file, address }: Words): Promise<Source> {
  if (file !== undefined) return { document: await bytesOf(file) }
  return address === undefined ? undefined : { url: address }
}

async function show(api: ManagementApi, at: string, source: Source): Promise<Change> {
  const method = 'POST'
  const call =
    source === undefined
      ? { method, url: `${at}/refresh`, headers: {}, body: undefined }
      : 'url' in source
        ? { method, url: `${at}/address`, headers: JSON_TYPE, body: jsonOf(source) }
        : { method, url: `${at}/document`, headers: BYTES, body: source.document }
  return JSON.parse((await api.send(call)).bytes.toString()) as Change
}

const BYTES = { 'content-type': 'application/octet-stream' }
const JSON_TYPE = { 'content-type': 'application/json' }

function jsonOf(body: object): Buffer {
  return Buffer.from(JSON.stringify(body))
}

async function apply(
  api: ManagementApi,
  at: string,
  source: Source,
  { accept, ignoreWarnings }: { accept: string; ignoreWarnings: boolean },
): Promise<void> {
  if (source === undefined || 'url' in source) {
    const body = jsonOf({ ...source, accept, ignoreWarnings })
    const url = `${at}/${source === undefined ? 'refresh' : 'address'}`
    await api.send({ method: 'PUT', url, headers: JSON_TYPE, body })
    return
  }
  const query = new URLSearchParams({ accept, ignoreWarnings: String(ignoreWarnings) })
  await api.send({ method: 'PUT', url: `${at}/document?${query}`, headers: BYTES, body: source.document })
}

/** Asks at the terminal, or reads a line of standard input. No answer is no. */
async function agrees(warnings: number): Promise<boolean> {
  const what = warnings === 0 ? 'Apply this?' : `Apply this and ignore the ${warnings} warnings?`
  process.stderr.write(`${what} yes or no: `)
  const lines = createInterface({ input: process.stdin })
  for await (const line of lines) {
    lines.close()
    return line.trim().toLowerCase() === 'yes'
  }
  process.stderr.write('\n')
  return false
}

function wordsOf(args: string[]): Words {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        file: { type: 'string' },
        address: { type: 'string' },
        accept: { type: 'string' },
        ignoreWarnings: { type: 'boolean', default: false },
      },
    })
    const { file, address, accept, ignoreWarnings } = values
    const [id, ...more] = positionals
    const isOneSource = file === undefined || address === undefined
    if (id !== undefined && more.length === 0 && isOneSource)
      return { id, file, address, accept, ignoreWarnings }
  } catch (cause) {
    throw new CommandError(2, `refresh does not understand this: ${(cause as Error).message}`, cause)
  }
  throw new CommandError(
    2,
    'refresh takes <id> [--file FILE | --address URL] [--accept DIGEST] [--ignoreWarnings]',
  )
}

async function bytesOf(file: string): Promise<Buffer> {
  try {
    return await readFile(file)
  } catch (cause) {
    throw new CommandError(2, `${file} cannot be read`, cause)
  }
}
