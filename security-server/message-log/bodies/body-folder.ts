/**
 * The folders of body files: `incoming/<node>/` until a record that refers to the file is durable,
 * `bodies/<xx>/` afterwards. So after a crash only the few incoming files must be checked. Bodies of middle
 * size are in segments (segments/).
 */
import { randomBytes } from 'node:crypto'
import { access, type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { Fault } from '#schemas/fault.ts'
import type { BodyDestination, LocatedBody } from './body-file.ts'
import { deletableIn, type GiveUp, type SegmentOwner } from './deletable-segments.ts'
import { incomingFile } from './incoming-file.ts'
import { placeOf, segmentFolder, segmentPaths } from './segment-place.ts'

export type BodyFolder = {
  /** A body that arrives, before a durable record refers to it. */
  begin(): BodyDestination
  /** Opens the file in the folder that has it; throws `log_inconsistent` when it is missing. */
  open(name: string): Promise<LocatedBody>
  /**
   * Call when the record is being written: from now on `release` does not delete the file, until `settle`
   * reports the outcome.
   */
  claim(name: string): void
  /**
   * `kept`: the record is durable. `unused`: it was refused. `unknown`: it may be durable, and is not written
   * again; the next start finds out, or `deleteUnused` for a body in the database.
   */
  settle(name: string, outcome: 'kept' | 'unused' | 'unknown'): void
  /**
   * For a file that no record will refer to: it is deleted when it is next opened, while its reader can read
   * on.
   */
  openOnce(name: string): void
  /** Deletes the file unless a record refers to it or may do so. */
  release(name: string): Promise<void>
  /**
   * Deletes files of erased records' bodies, or segments in which all bodies are erased. Resolves to those
   * that were here, now or when it began, and to which no other node may write. No loss of power brings them
   * back: their names may be forgotten. One that cannot be deleted holds up no other.
   */
  erase(files: readonly string[], acts: ErasureActs): Promise<ErasedFiles>
  /**
   * At startup: keeps incoming files that a record refers to and deletes the others. Resolves to the number
   * of deleted files.
   */
  sweep(isReferred: (names: string[]) => Promise<ReadonlySet<string>>): Promise<number>
  /** Deletes the folders of the former nodes: call when nothing of theirs is open any more. */
  forgetFormer(): Promise<void>
}

/** `failed`: what stood in the way of these, by name. They stay to be deleted. */
type ErasedFiles = { gone: ReadonlySet<string>; failed: ReadonlyMap<string, unknown> }

/**
 * `begun`: what this node began to delete before, and may have deleted. `begin` remembers the same durably,
 * before anything is deleted.
 */
type ErasureActs = {
  giveUp: GiveUp
  begun: ReadonlySet<string>
  begin(files: string[]): Promise<void>
}

const NAME = /^[0-9a-f]{32}$/
const NODE = /^[A-Za-z0-9_.:-]{1,128}$/

/**
 * Makes the folders below an existing root and takes over the files of `formerNodes`, which must not be
 * running any more. Throws `invalid_configuration`.
 */
export async function openBodyFolder(
  root: string,
  node: string,
  formerNodes: string[] = [],
  segments: SegmentOwner = { root, own: undefined },
): Promise<BodyFolder> {
  if (!NODE.test(node)) throw new Fault('invalid_configuration', { what: 'the node name' })
  const incomingFolder = path.join(root, 'incoming', node)
  for (const folder of [incomingFolder, segmentFolder(root, node)])
    await mkdir(folder, { recursive: true, mode: 0o700 }).catch((cause: unknown) => {
      throw new Fault('invalid_configuration', { what: `${root} cannot hold bodies`, cause })
    })
  const formerFolders = formerNodes.map((former) => path.join(root, 'incoming', former))
  for (const former of formerFolders)
    for (const name of await readdir(former))
      await rename(path.join(former, name), path.join(incomingFolder, name))
  const claimed = new Set<string>()
  const once = new Set<string>()
  const incoming = (name: string) => path.join(incomingFolder, checked(name))
  const kept = (name: string) => path.join(root, 'bodies', checked(name).slice(0, 2), name)

  const keep = async (name: string): Promise<void> => {
    await mkdir(path.dirname(kept(name)), { recursive: true, mode: 0o700 })
    await rename(incoming(name), kept(name))
  }
  return {
    begin: () => {
      const name = randomBytes(16).toString('hex')
      return incomingFile({ name, path: incoming(name), sync: () => syncFolder(incomingFolder) })
    },
    // The file may be moved between the first two attempts; once it is open, moving does no harm.
    open: async (name) => {
      if (placeOf(name) !== undefined) return openBodyIn(root, name)
      const file = await openFirst([kept(name), incoming(name), kept(name)])
      if (once.delete(name)) await rm(incoming(name), { force: true })
      return whole(file)
    },
    openOnce: (name) => void once.add(name),
    claim: (name) => void claimed.add(name),
    settle: (name, outcome) => {
      if (outcome === 'unused') claimed.delete(name)
      // If the move fails, the sweep at the next start repeats it; `open` finds the file in either folder.
      if (outcome === 'kept')
        void keep(name)
          .catch(() => undefined)
          .then(() => claimed.delete(name))
    },
    release: async (name) => {
      if (claimed.has(name)) return
      once.delete(name)
      await rm(incoming(name), { force: true })
    },
    erase: (files, acts) =>
      eraseFiles({ files, acts, segments, places: (name) => [incoming(name), kept(name)] }),
    sweep: async (isReferred) => {
      let deleted = 0
      const names = await readdir(incomingFolder)
      for (let at = 0; at < names.length; at += 500) {
        const batch = names.slice(at, at + 500)
        const referred = await isReferred(batch.filter((name) => NAME.test(name)))
        for (const name of batch) {
          if (referred.has(name)) await keep(name)
          else {
            await rm(path.join(incomingFolder, name), { force: true })
            deleted++
          }
        }
      }
      return deleted
    },
    forgetFormer: async () => {
      for (const former of formerFolders.splice(0)) await rm(former, { recursive: true, force: true })
    },
  }
}

async function eraseFiles({
  files,
  acts: { giveUp, begun, begin },
  segments,
  places,
}: {
  files: readonly string[]
  acts: ErasureActs
  segments: SegmentOwner
  places(name: string): string[]
}): Promise<ErasedFiles> {
  const isOnlyNode = segments.own === undefined
  // A segment may be of a former node, of whose name nothing but its folder is left.
  const deletable = await deletableIn(segments, giveUp)
  /** Which names need that no loss of power brings back what was in a folder. */
  const folders = new Map<string, Set<string>>()
  const here = new Map<string, string[]>()
  const left = new Set<string>()
  const failed = new Map<string, unknown>()
  const attempt = async (names: Iterable<string>, act: () => Promise<void>): Promise<void> => {
    try {
      await act()
    } catch (cause) {
      for (const name of names) failed.set(name, cause)
    }
  }
  const syncFor = (name: string, files: string[]): void => {
    for (const folder of files.map((file) => path.dirname(file)))
      folders.set(folder, (folders.get(folder) ?? new Set()).add(name))
  }
  for (const name of files)
    await attempt([name], async () => {
      const mine = places(name)
      for (const { folder, mayDelete } of deletable) {
        const file = path.join(folder, name)
        if (await mayDelete(name)) mine.push(file)
        else if (await isThere(file)) left.add(name)
      }
      const found = await filterThere(mine)
      if (found.length > 0) here.set(name, found)
      // What a process that was killed had removed is forgotten, too, once no loss of power brings it back.
      if (isOnlyNode) syncFor(name, mine)
      else if (begun.has(name))
        syncFor(name, [...mine, ...deletable.map(({ folder }) => path.join(folder, name))])
    })
  // Where no other node can be, a file that is missing is deleted anyway.
  if (!isOnlyNode && here.size > 0) await begin([...here.keys()])
  for (const [name, found] of here)
    for (const file of found)
      await attempt([name], async () => {
        await rm(file, { force: true })
        syncFor(name, [file])
      })
  for (const [folder, names] of folders) await attempt(names, () => syncFolder(folder).catch(unlessMissing))
  const isGone = (name: string): boolean =>
    !left.has(name) && !failed.has(name) && (here.has(name) || begun.has(name))
  return { gone: new Set(files.filter(isGone)), failed }
}

async function filterThere(files: string[]): Promise<string[]> {
  const there = await Promise.all(files.map(isThere))
  return files.filter((_file, i) => there[i])
}

async function isThere(file: string): Promise<boolean> {
  try {
    await access(file)
    return true
  } catch (cause) {
    unlessMissing(cause)
    return false
  }
}

/**
 * For readers that do not own the folder: opens the file, also one that another node received. Throws
 * `log_inconsistent`.
 */
export async function openBodyIn(root: string, name: string): Promise<LocatedBody> {
  const place = placeOf(name)
  if (place !== undefined) {
    const { segment, start, size } = place
    return { file: await openFirst(await segmentPaths(root, segment)), start, end: start + size }
  }
  const nodes = await readdir(path.join(root, 'incoming')).catch(() => [])
  const kept = path.join(root, 'bodies', checked(name).slice(0, 2), name)
  return whole(await openFirst([kept, ...nodes.map((node) => path.join(root, 'incoming', node, name)), kept]))
}

function unlessMissing(cause: unknown): void {
  if ((cause as { code?: unknown }).code !== 'ENOENT') throw cause
}

function whole(file: FileHandle): LocatedBody {
  return { file, start: 0, end: Number.POSITIVE_INFINITY }
}

async function openFirst(places: string[]): Promise<FileHandle> {
  let failure: unknown
  for (const place of places) {
    try {
      return await open(place, 'r')
    } catch (cause) {
      failure = cause
    }
  }
  throw new Fault('log_inconsistent', { what: 'a body file is missing', cause: failure })
}

function checked(name: string): string {
  // Names come from stored records, which may have been tampered with.
  if (!NAME.test(name)) throw new Fault('log_inconsistent', { what: 'the name of a body file' })
  return name
}

/** Makes a rename in this folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
