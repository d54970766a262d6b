/**
 * What a new node gets: the settings of a running one with the files of secrets and certificates that they
 * name, the cluster key, and how far this node has come, so that a database that was set back is noticed by
 * the new one too.
 */
import { readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { parseDocument } from 'yaml'
import { Fault } from '#schemas/fault.ts'

export type Bundle = {
  version: 1
  /** The command that starts it. */
  program: Program
  server: string
  /** The settings file as it is. */
  settings: string
  /** Files by the path that the settings have for them. */
  files: Record<string, string>
  clusterKey: string
  /** The content of its file of what it has seen. */
  seen: string
  /** Files that the settings name and that are not there: the new machine may need its own. */
  missing: string[]
  /**
   * What this node has noted of how far the server had come: small files, by their place in the directory.
   */
  marks: Record<string, string>
}

export type Program = 'security-server' | 'central-registry'

type Schema = { 'x-path'?: boolean; properties?: Record<string, Schema>; items?: Schema }

const MAX_FILE = 64 * 1024
const MAX_FILES = 64
/** Made by a node for whoever sets it up: the first one has done that. */
export const OF_FIRST_START = new Set([
  'initialApiKeyFile',
  'claimCodeFile',
  'firstCodeFile',
  'secondCodeFile',
])
const PASSWORD_FILE = /[?&]passwordFile=([^&]+)/

/** Throws `io_error` when a file that the settings name cannot be read, or is no small file. */
export async function makeBundle(q: {
  program: Program
  server: string
  settingsFile: string
  schema: object
  clusterKeyFile: string
  directory: string
  /** The files of `marks`. */
  marks: readonly string[]
  seen: string
}): Promise<Bundle> {
  const settings = await read(q.settingsFile)
  const values = parseDocument(settings).toJS() as unknown
  const folder = path.dirname(path.resolve(q.settingsFile))
  const files: Record<string, string> = {}
  const missing: string[] = []
  for (const { name, isPassword } of pathsIn(values, q.schema as Schema)) {
    // The address of a database is no path of the settings: its file is looked up from where the server was
    // started.
    const file = isPassword ? path.resolve(name) : path.resolve(folder, name)
    if (file === path.resolve(q.clusterKeyFile)) continue
    const facts = await stat(file).catch(() => undefined)
    // A folder, or a file that is made later, is this machine's own.
    if (facts === undefined) missing.push(name)
    if (facts?.isFile() !== true) continue
    if (facts.size > MAX_FILE || Object.keys(files).length === MAX_FILES)
      throw new Fault('io_error', { what: `${file} is too large for a node that joins` })
    files[name] = (await readFile(file)).toString('base64')
  }
  const marks: Record<string, string> = {}
  for (const name of q.marks) {
    const text = await read(path.join(q.directory, name)).catch(unlessAbsent)
    if (text !== undefined) marks[name] = text
  }
  return {
    ...{ version: 1, program: q.program, server: q.server, settings, files, missing, seen: q.seen },
    clusterKey: await read(q.clusterKeyFile),
    marks,
  }
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw new Fault('io_error', { what: file, cause })
  }
}

/**
 * Without a mark that is there but cannot be read, the new node would not notice a database that was set
 * back.
 */
function unlessAbsent(thrown: unknown): undefined {
  const { cause } = thrown as { cause?: { code?: unknown } }
  if (cause?.code !== 'ENOENT') throw thrown
}

type NamedPath = { name: string; isPassword: boolean }

/** The paths that the settings name, as they stand there. */
function pathsIn(value: unknown, schema: Schema | undefined, name = ''): NamedPath[] {
  if (typeof value === 'string') {
    if (OF_FIRST_START.has(name)) return []
    if (schema?.['x-path'] === true) return [{ name: value, isPassword: false }]
    const password = PASSWORD_FILE.exec(value)?.[1]
    return password === undefined ? [] : [{ name: decodeURIComponent(password), isPassword: true }]
  }
  if (Array.isArray(value)) return value.flatMap((one) => pathsIn(one, schema?.items))
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, one]) => pathsIn(one, schema?.properties?.[key], key))
}
