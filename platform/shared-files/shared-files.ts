/**
 * Small files that all nodes of a server have: keys above all. The database is the truth, and the folder of
 * each node a copy that its rooms read as before. A change is committed first and written here then, so a
 * crash in between loses nothing: the next pull writes it. Two nodes that change one file at once do not
 * overwrite each other: the later one gets `isOutdated`, has the newer file by then, and tries again. A write
 * takes the place of that version which the rooms of its node have read, which may be older than the one on
 * the disk.
 */
import { createTurn } from '#platform/in-turn.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { ClusterKeys } from './cluster-key.ts'
import type { LocalFolder } from './local-folder.ts'
import { openFile, sealFile } from './seal-file.ts'
import { readSeen, SEEN_FILE, seenBytes } from './seen.ts'
import type { SharedFileStore, SharedRow } from './store.ts'

/** The files that other nodes changed, each with the number of its change. */
export type Changes = ReadonlyMap<string, number>

export type SharedFiles = {
  isShared(name: string): boolean
  /**
   * Throws `database_error`, `io_error`, and what `isOutdated` tells when another node has changed this file
   * since a room read it.
   */
  write(name: string, content: Buffer): Promise<void>
  /** The file goes on all nodes; throws as `write`. */
  remove(name: string): Promise<void>
  /** Whether another node has changed something since the last pull; reads one row. */
  isBehind(): Promise<boolean>
  /**
   * Takes over what other nodes have changed. Throws `database_error`, `io_error`, or the fault that
   * `trouble` tells.
   */
  pull(): Promise<void>
  /** Shares files that rooms have made in the folder by themselves, each the first of its name. */
  publish(): Promise<void>
  /**
   * `listener` gets what other nodes changed, when it is on this disk, and at once what they changed since
   * the files were opened. It tells by `known` when the rooms have read it.
   */
  onChange(listener: (changes: Changes) => void): void
  /** Rooms read these versions or later ones: from now on a write takes their place. */
  known(changes: Changes): void
  /** What keeps this node from taking over what others change; undefined while nothing does. */
  trouble(): Fault | undefined
  /** The number of the newest change that is here. */
  seen(): number
  /** What a new node starts with as what it has seen, so that nothing older is shown to it. */
  forJoining(): Buffer
}

const MAX_BYTES = 1024 * 1024

class Outdated extends Error {
  readonly take: () => void
  constructor(name: string, take: () => void) {
    super(name)
    this.take = take
  }
}

/**
 * Whether a write failed because another node has changed the file meanwhile. The newer file is here: who
 * reads it says so by `takeNewer`, and tries again.
 */
export function isOutdated(thrown: unknown): boolean {
  return thrown instanceof Fault && thrown.cause instanceof Outdated
}

/** For who reads the newer file after this: the next write takes its place. */
export function takeNewer(thrown: unknown): void {
  if (thrown instanceof Fault && thrown.cause instanceof Outdated) thrown.cause.take()
}

type Parts = {
  store: SharedFileStore
  folder: LocalFolder
  keys: ClusterKeys
  /** What the rows belong to: the server's identifier. */
  scope: string
  isShared(name: string): boolean
  /** The folder, for texts. */
  directory: string
  log: Pick<Log, 'warn'>
}

/**
 * Brings the folder to what the database has, and gives the database what it lacks. Throws `conflict` when
 * the database shows an earlier state than this node has seen, or when a node that has never shared anything
 * brings other files along; `invalid_configuration` when the rows are sealed under another cluster key,
 * `io_error` for an altered row.
 */
export async function openSharedFiles(q: Parts): Promise<SharedFiles> {
  const { store, folder } = q
  /** On this disk. */
  const versions = new Map<string, number>()
  /** What the rooms have read. */
  const read = new Map<string, number>()
  const unheard = new Map<string, number>()
  const listeners: ((changes: Changes) => void)[] = []
  const inTurn = createTurn()
  const before = await readSeen(folder)
  let epoch = await store.epoch()
  let seen = 0
  let trouble: Fault | undefined

  const skipped = new Set<string>()

  const apply = async (row: SharedRow): Promise<boolean> => {
    if (versions.get(row.name) === row.change) return false
    const content = contentOf(row, q)
    // Of a newer version, which shares more kinds of files: once this node has it too, its start takes over
    // all rows. No path is made of the name.
    if (!q.isShared(row.name)) {
      if (!skipped.has(row.name))
        q.log.warn(
          { file: row.name },
          'a shared file is of a kind that this version does not know: left to newer nodes',
        )
      skipped.add(row.name)
      versions.set(row.name, row.change)
      return false
    }
    const present = await folder.read(row.name)
    const isSame = content === undefined ? present === undefined : present?.equals(content) === true
    if (!isSame) await (content === undefined ? folder.remove(row.name) : folder.write(row.name, content))
    // Sealed anew, or of before the start: who has read the file has read this.
    const isRead = isSame && read.get(row.name) === versions.get(row.name)
    versions.set(row.name, row.change)
    if (isRead) read.set(row.name, row.change)
    return !isRead
  }

  const known = (changes: Changes): void => {
    for (const [name, change] of changes) read.set(name, Math.max(change, read.get(name) ?? 0))
  }

  const takeOver = async (): Promise<Changes> => {
    const counter = await store.counter()
    if (counter < seen) throw setBack(counter, seen)
    if (counter === seen) return new Map()
    const rows = await store.after(seen)
    const changes = new Map<string, number>()
    for (const row of rows) if (await apply(row)) changes.set(row.name, row.change)
    epoch ??= await store.epoch()
    await folder.write(SEEN_FILE, seenBytes({ epoch, counter, versions }))
    seen = counter
    return changes
  }

  const pull = async (): Promise<void> => {
    try {
      const changes = await takeOver()
      trouble = undefined
      if (listeners.length === 0) for (const [name, change] of changes) unheard.set(name, change)
      else if (changes.size > 0) for (const listener of listeners) listener(changes)
    } catch (thrown) {
      trouble = asFault(thrown)
      throw thrown
    }
  }

  const change = (name: string, content: Buffer | undefined): Promise<void> =>
    inTurn(async () => {
      if (!q.isShared(name) || (content?.length ?? 0) > MAX_BYTES)
        throw new Fault('internal_error', { what: `${name} cannot be shared` })
      const number = await store.write({
        ...{ name, known: read.get(name) ?? 0 },
        seal: (at) => sealFile(q.keys, { scope: q.scope, name, change: at }, content),
      })
      if (number === undefined) {
        await pull()
        const newer = new Map([[name, versions.get(name) ?? 0]])
        throw new Fault('conflict', {
          what: say`another node has just changed this: look at it, and try again`,
          cause: new Outdated(name, () => known(newer)),
        })
      }
      await (content === undefined ? folder.remove(name) : folder.write(name, content))
      versions.set(name, number)
      read.set(name, number)
    })

  const rows = await store.after(0)
  // Without an epoch nothing is shared there: a new database, or one whose tables were emptied so that the
  // folders fill them again.
  const isOther = epoch === undefined || (before?.epoch !== undefined && before.epoch !== epoch)
  if (before === undefined || isOther) await checkStranger(rows, q)
  else {
    const counter = await store.counter()
    if (counter < before.counter) throw setBack(counter, before.counter)
    const changes = new Map(rows.map(({ name, change }) => [name, change]))
    for (const [name, change] of before.versions) {
      const there = changes.get(name) ?? 0
      if (there < change) throw putBack(name)
    }
  }
  // No room has read a file before this.
  known(await takeOver())
  const publish = async (): Promise<void> => {
    for (const name of await folder.list()) {
      const content = versions.has(name) ? undefined : await folder.read(name)
      if (content !== undefined) await change(name, content).catch(unlessOutdated)
    }
  }
  await publish()
  // Its own first files made the database's name, which a node that joins now has to get.
  known(await takeOver())

  return {
    isShared: q.isShared,
    write: (name, content) => change(name, content),
    remove: (name) => change(name, undefined),
    isBehind: async () => (await store.counter()) !== seen,
    pull: () => inTurn(pull),
    publish,
    onChange(listener) {
      listeners.push(listener)
      if (unheard.size > 0) listener(new Map(unheard))
      unheard.clear()
    },
    known,
    trouble: () => trouble,
    seen: () => seen,
    forJoining: () => seenBytes({ epoch, counter: seen, versions }),
  }
}

/** Opens rows of any name; who makes a path of the name asks `isShared`. */
function contentOf(row: SharedRow, q: Parts): Buffer | undefined {
  const { name, change, sealed } = row
  const opened = openFile(q.keys, { scope: q.scope, name, change }, sealed)
  if (!('failure' in opened)) return opened.content
  if (opened.failure === 'key')
    throw new Fault('invalid_configuration', {
      what: 'the files that nodes share are sealed under a cluster key that this node does not have: join again, or bring the key file of another node',
    })
  throw new Fault('io_error', {
    what: say`a shared file in the database was altered: ${name.slice(0, 80)}`,
  })
}

/**
 * A node that comes with keys of its own must not mix them with those of the others, or lose them. Each of
 * them may be the only copy: after a database was set back, the folder has what the rows lost.
 */
async function checkStranger(rows: SharedRow[], q: Parts): Promise<void> {
  if (rows.length === 0) return
  const shared = new Map(rows.map((row) => [row.name, contentOf(row, q)]))
  for (const name of await q.folder.list()) {
    const content = shared.get(name)
    if (content === undefined || (await q.folder.read(name))?.equals(content) !== true)
      throw new Fault('conflict', {
        what: `${q.directory}/${name} is not that of the other nodes. A new node starts with an empty folder. If this node worked with them before, keep this folder, it may have the only copy of a newer key: ${ON_PURPOSE}`,
      })
  }
}

/**
 * The folders have what the rows lost, so they fill the rows again. The rows would take the place of what the
 * folders have.
 */
const ON_PURPOSE =
  'if the database was set back on purpose, stop all nodes, empty its tables shared_file and shared_file_change, and start first the node with the highest counter in its shared-files-seen (docs/backups.md)'

function setBack(counter: number, seen: number): Fault {
  return new Fault('conflict', {
    what: `the database shows ${counter} changes of shared files, but this node has seen ${seen}: ${ON_PURPOSE}`,
  })
}

function putBack(name: string): Fault {
  return new Fault('conflict', {
    what: `the database shows an earlier ${name} than this node has seen: somebody put an old row back. But ${ON_PURPOSE}`,
  })
}

function unlessOutdated(thrown: unknown): void {
  if (!isOutdated(thrown)) throw thrown
}
