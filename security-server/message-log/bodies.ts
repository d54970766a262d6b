/**
 * The bodies of a log, wherever each lies: in files of this node, or in the log's database. The name of a
 * body, which its record has, says where, so bodies from before a change of the setting are read, erased and
 * swept as ever.
 */
import type { Database } from '#platform/database/open-database.ts'
import { type BodyFolder, openBodyFolder, openBodyIn } from './bodies/body-folder.ts'
import { segmentOwner } from './bodies/deletable-segments.ts'
import { isInPieces } from './pieces/name.ts'
import { openPieces } from './pieces/open-pieces.ts'
import { createPieceBodies, type PieceBodies } from './pieces/piece-bodies.ts'
import { createPieceStore, openPieceStore } from './pieces/store.ts'
import type { BodyPlace } from './settings.ts'

export type Bodies = Omit<BodyFolder, 'sweep'> & {
  /**
   * At startup: what this node and former ones had begun and no record refers to is deleted, in the database
   * by `deleteUnused`.
   */
  sweep(isReferred: (names: string[]) => Promise<ReadonlySet<string>>): Promise<void>
  /** The same of a node that is gone for good, in the database. */
  takeOver(node: string): Promise<void>
  /**
   * For a job of each node: deletes in the database what this node has begun or taken over, and no record
   * will ever refer to.
   */
  deleteUnused(): Promise<void>
  close(): Promise<void>
}

/** New bodies go to `place`; to files on the embedded store. Throws `invalid_configuration`. */
export async function openBodies(q: {
  databaseUrl: string
  root: string
  place: BodyPlace
  node: string
  formerNodes: string[]
}): Promise<Bodies> {
  const { node, formerNodes } = q
  const folder = await openBodyFolder(q.root, node, formerNodes, segmentOwner(q))
  const store = q.databaseUrl.startsWith('sqlite:') ? undefined : await openPieceStore(q.databaseUrl)
  const pieces = store && createPieceBodies({ store, node })
  const isRow = (name: string): boolean => pieces !== undefined && isInPieces(name)
  const of = (name: string): BodyFolder | PieceBodies => (isRow(name) ? pieces! : folder)
  return {
    begin: () => (pieces !== undefined && q.place === 'database' ? pieces : folder).begin(),
    open: (name) => of(name).open(name),
    openOnce: (name) => of(name).openOnce(name),
    claim: (name) => of(name).claim(name),
    settle: (name, outcome) => of(name).settle(name, outcome),
    release: (name) => of(name).release(name),
    erase: async (names, acts) => {
      const [inRows, inFiles] = [names.filter(isRow), names.filter((name) => !isRow(name))]
      const { gone, failed } = await folder.erase(inFiles, acts)
      return { gone: new Set([...gone, ...((await pieces?.erase(inRows)) ?? [])]), failed }
    },
    sweep: async (isReferred) => {
      await folder.sweep(isReferred)
      for (const each of formerNodes) await pieces?.takeOver(each)
    },
    forgetFormer: () => folder.forgetFormer(),
    takeOver: async (gone) => pieces?.takeOver(gone),
    deleteUnused: async () => pieces?.deleteUnused(),
    close: async () => store?.close(),
  }
}

/** For readers that do not append. */
export type BodyReader = Pick<BodyFolder, 'open'> & {
  /** Whether `open` looks for such a body. */
  reaches(name: string): boolean
}

/** Opens any body of the log, and without `root` those in the database alone. */
export function bodyReader(database: Database, root: string | undefined): BodyReader {
  const store = createPieceStore(database)
  const isRow = (name: string) => database.dialect === 'postgresql' && isInPieces(name)
  return {
    reaches: (name) => root !== undefined || isRow(name),
    open: async (name) => (isRow(name) ? openPieces(store, name) : openBodyIn(root ?? '', name)),
  }
}
