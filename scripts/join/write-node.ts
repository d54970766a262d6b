/**
 * Writes what a new node starts from: its settings, the files that they name, the cluster key, and a
 * directory for its data.
 */
import { mkdir, readdir, stat } from 'node:fs/promises'
import path from 'node:path'
import { type Document, parse, parseDocument, visit } from 'yaml'
import { putNewFile } from '#platform/backups/put-file.ts'
import type { Bundle } from '#platform/nodes/bundle.ts'
import { Fault } from '#schemas/fault.ts'

type Place = {
  /** The settings file to write. */
  configuration: string
  directory: string
  /** Settings that are this machine's own: `peers.address=10.0.0.21`. */
  set: string[]
}

const PROGRAMS: readonly string[] = ['security-server', 'central-registry']
/** A file of the directory, or of a folder in it. */
const MARK = /^[a-z-]+(\/[a-z-]+)?$/
/** Files that a first start makes. */
const FIRST_START = [
  ['admin', 'initialApiKeyFile'],
  ['login', 'claimCodeFile'],
]
const CLUSTER_KEY = 'cluster-key'
const PASSWORD_FILE = /([?&]passwordFile=)([^&]+)/

/**
 * Before the secret is used up: throws `conflict` when something would be overwritten, `invalid_input` for
 * settings without a value.
 */
export async function checkPlace({ configuration, directory, set }: Place): Promise<void> {
  if ((await stat(configuration).catch(() => undefined)) !== undefined)
    throw new Fault('conflict', { what: `${configuration} exists: nothing was done` })
  for (const folder of [directory, secretsOf(configuration)])
    if ((await readdir(folder).catch(() => [])).length > 0)
      throw new Fault('conflict', { what: `${folder} is not empty: nothing was done` })
  checkSet(set)
}

/** Throws `invalid_input` for settings without a value. */
export function checkSet(set: readonly string[]): void {
  for (const one of set)
    if (!/^[A-Za-z.]+=/.test(one))
      throw new Fault('invalid_input', { what: `--set takes a setting and its value: ${one.split('=')[0]}` })
}

/** Beside the settings, where those of the installation are. */
function secretsOf(configuration: string): string {
  return path.join(path.dirname(path.resolve(configuration)), 'secrets')
}

/** The answer of a node; throws `invalid_input` for one of another version. */
export function readBundle(plain: Buffer): Bundle {
  const bundle = JSON.parse(plain.toString()) as Bundle
  const isKnown = bundle.version === 1 && PROGRAMS.includes(bundle.program)
  if (!isKnown || !Object.keys(bundle.marks).every((name) => MARK.test(name)))
    throw new Fault('invalid_input', { what: 'the node is of a version that this one cannot join' })
  return bundle
}

/**
 * Resolves to the files that were written, the settings last. Throws `io_error`, and `conflict` for a file
 * that is there with other content.
 */
export async function writeNode(bundle: Bundle, place: Place): Promise<string[]> {
  const configuration = path.resolve(place.configuration)
  const directory = path.resolve(place.directory)
  const secrets = secretsOf(configuration)
  for (const folder of [secrets, directory]) await mkdir(folder, { recursive: true, mode: 0o700 })
  const written: string[] = []
  const put = async (file: string, bytes: Buffer): Promise<void> => {
    if (!(await putNewFile(file, bytes)))
      throw new Fault('conflict', { what: `${file} exists with other content` })
    written.push(file)
  }
  const moved = new Map<string, string>()
  for (const [name, content] of Object.entries(bundle.files)) {
    const file = path.join(secrets, freeName(path.basename(name), moved))
    moved.set(name, file)
    await put(file, Buffer.from(content, 'base64'))
  }
  const keyFile = path.join(secrets, freeName(CLUSTER_KEY, moved))
  await put(keyFile, Buffer.from(bundle.clusterKey))
  for (const [name, text] of Object.entries(bundle.marks))
    await put(path.join(directory, name), Buffer.from(text))
  await put(path.join(directory, 'shared-files-seen'), Buffer.from(bundle.seen))
  await put(configuration, Buffer.from(settingsOf(bundle, { moved, directory, keyFile, set: place.set })))
  return written
}

function settingsOf(
  { settings }: Bundle,
  q: { moved: Map<string, string>; directory: string; keyFile: string; set: string[] },
): string {
  const document: Document = parseDocument(settings)
  visit(document, {
    Scalar(_, node) {
      const { value } = node
      if (typeof value !== 'string') return
      node.value = (q.moved.get(value) ?? value).replace(
        PASSWORD_FILE,
        (whole: string, before: string, name: string) => {
          const its = q.moved.get(decodeURIComponent(name))
          return its === undefined ? whole : `${before}${encodeURIComponent(its)}`
        },
      )
    },
  })
  document.set('directory', q.directory)
  document.setIn(['nodes', 'clusterKeyFile'], q.keyFile)
  // The first node has had its first administrator.
  for (const name of FIRST_START) if (document.hasIn(name)) document.deleteIn(name)
  for (const one of q.set) {
    const at = one.indexOf('=')
    document.setIn(one.slice(0, at).split('.'), parse(one.slice(at + 1)))
  }
  return document.toString()
}

function freeName(name: string, moved: Map<string, string>): string {
  const taken = new Set([...moved.values()].map((file) => path.basename(file)))
  if (!taken.has(name)) return name
  for (let number = 2; ; number++) if (!taken.has(`${number}-${name}`)) return `${number}-${name}`
}
