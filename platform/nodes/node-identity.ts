/**
 * The name of this process among all that work, or have worked, for one security server. The name is made
 * once and stored with the node's data. So a node that comes back under another host name or address finds
 * the exchanges that it had open.
 */
import { randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs'
import { mkdir, readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { Fault } from '#schemas/fault.ts'

export type NodeIdentity = {
  /** The node's name in rows, records and file names. */
  node: string
  /**
   * Names under which nodes worked with this directory before. This node closes the exchanges that they left
   * open.
   */
  formerNodes: string[]
  /** Unlocks the directory for another process. */
  release(): void
}

const FILE = 'node-name'
const NAME = /^[A-Za-z0-9._-]{1,64}$/

/**
 * Locks the directory for this process and reads or makes the node's name. A new name is `madeOf` plus random
 * digits. A directory that was in use while names were made of host, address and port keeps that name
 * (`older`). Throws `conflict` when another process works with the directory, `invalid_configuration` when
 * the name cannot be read or stored, or the directory not be locked.
 */
export async function takeNodeIdentity(q: {
  directory: string
  madeOf: string
  older?: string
  /**
   * Other nodes work for the server, and may have mounted one folder of bodies: names there are theirs. Only
   * a person tells which one is gone (`removeNode`).
   */
  hasOthers: boolean
  /**
   * Locks a file until the returned function is called. Throws `conflict` with the text `what` when another
   * process has the lock, and `invalid_configuration` when the file cannot be locked at all.
   */
  lock: (file: string, what: string) => () => void
}): Promise<NodeIdentity> {
  const { directory } = q
  await mkdir(directory, { recursive: true, mode: 0o700 }).catch((cause: unknown) => {
    throw unusable(directory, cause)
  })
  const release = q.lock(
    path.join(directory, 'node.lock'),
    `another process works with ${directory}: give each node a directory of its own`,
  )
  try {
    // From its first start on, each node has a folder there for incoming bodies.
    const before = q.hasOthers
      ? []
      : await readdir(path.join(directory, 'bodies', 'incoming')).catch(unlessAbsent<string[]>([]))
    const node =
      (await readName(directory)) ??
      keepName(directory, q.older !== undefined && before.includes(q.older) ? q.older : newName(q.madeOf))
    return { node, formerNodes: before.filter((name) => name !== node), release }
  } catch (cause) {
    release()
    if (cause instanceof Fault) throw cause
    throw unusable(directory, cause)
  }
}

function newName(madeOf: string): string {
  const readable = madeOf.replace(/[^A-Za-z0-9.-]/g, '_').slice(0, 40)
  return `${readable}-${randomBytes(6).toString('hex')}`
}

async function readName(directory: string): Promise<string | undefined> {
  const text = await readFile(path.join(directory, FILE), 'utf8').catch(unlessAbsent(undefined))
  if (text === undefined) return undefined
  const name = text.trim()
  if (!NAME.test(name)) throw unusable(directory)
  return name
}

/** Stores the name durably before anything uses it. */
function keepName(directory: string, name: string): string {
  const file = path.join(directory, FILE)
  const handle = openSync(`${file}.part`, 'w', 0o600)
  try {
    writeSync(handle, `${name}\n`)
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
  renameSync(`${file}.part`, file)
  const folder = openSync(directory, 'r')
  fsyncSync(folder)
  closeSync(folder)
  return name
}

function unlessAbsent<T>(otherwise: T): (cause: unknown) => T {
  return (cause) => {
    if ((cause as { code?: unknown }).code !== 'ENOENT') throw cause
    return otherwise
  }
}

function unusable(directory: string, cause?: unknown): Fault {
  const what =
    cause === undefined
      ? `${path.join(directory, FILE)} does not hold the name of this node, which letters, digits, dots and dashes make up`
      : `${directory} cannot be used: ${(cause as Error).message}`
  return new Fault('invalid_configuration', { what, cause })
}
