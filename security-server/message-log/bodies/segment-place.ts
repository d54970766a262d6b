/**
 * Where a body lies that shares its file with others: `segments/<node>/<segment>`, from an offset on. Its
 * name, which the record has, says segment, offset and size.
 */
import { readdir } from 'node:fs/promises'
import path from 'node:path'

type Place = { segment: string; start: number; size: number }

const PLACE = /^([0-9a-f]{32})\.(\d{1,12})\.(\d{1,9})$/

export function placeName({ segment, start, size }: Place): string {
  return `${segment}.${start}.${size}`
}

/** Undefined for a body that has a file of its own, and for what is no name. */
export function placeOf(name: string): Place | undefined {
  const found = PLACE.exec(name)
  return found === null ? undefined : { segment: found[1]!, start: Number(found[2]), size: Number(found[3]) }
}

export function segmentFolder(root: string, node: string): string {
  return path.join(root, 'segments', node)
}

/** Those of this node and of all that worked with its directory before. */
export async function segmentFolders(root: string): Promise<string[]> {
  const nodes = await readdir(path.join(root, 'segments')).catch(() => [])
  return nodes.map((node) => segmentFolder(root, node))
}

/** Where the segment may be, since any node can have written it. */
export async function segmentPaths(root: string, segment: string): Promise<string[]> {
  return (await segmentFolders(root)).map((folder) => path.join(folder, segment))
}
