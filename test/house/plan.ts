/** The plan of the house: rooms, their floors, the arrows between rooms, and cycles of files. */
import { roomOf } from './room-rules.ts'
import { isForTests, type SourceFile } from './source-files.ts'

type Plan = { rooms: number; floors: number; arrows: number }

/**
 * The plan of the rooms below one top-level folder. Type imports count; the imports of the root files do not.
 */
export function planOf(top: string, sources: readonly SourceFile[]): Plan {
  const below = new Map<string, Set<string>>()
  for (const { name, imports } of sources) {
    const room = roomOf(name)
    if (!name.startsWith(`${top}/`) || room === top || isForTests(name)) continue
    const known = below.get(room) ?? new Set<string>()
    below.set(room, known)
    for (const { file } of imports) {
      const other = file?.startsWith(`${top}/`) === true ? roomOf(file) : room
      if (other !== room && other !== top) known.add(other)
    }
  }
  const floors = new Map<string, number>()
  const floorOf = (room: string, above: readonly string[]): number => {
    const known = floors.get(room)
    if (known !== undefined || above.includes(room)) return known ?? 0
    const floor =
      1 + Math.max(0, ...[...(below.get(room) ?? [])].map((one) => floorOf(one, [...above, room])))
    floors.set(room, floor)
    return floor
  }
  return {
    rooms: below.size,
    floors: Math.max(0, ...[...below.keys()].map((room) => floorOf(room, []))),
    arrows: [...below.values()].reduce((sum, { size }) => sum + size, 0),
  }
}

/** The strongly connected groups of files, type imports included (Tarjan 1972). */
export function circlesOf(sources: readonly SourceFile[]): string[][] {
  const next = new Map(sources.map(({ name, imports }) => [name, imports.flatMap(({ file }) => file ?? [])]))
  const index = new Map<string, number>()
  const low = new Map<string, number>()
  const stack: string[] = []
  const found: string[][] = []
  const visit = (name: string): void => {
    index.set(name, index.size)
    low.set(name, index.get(name)!)
    stack.push(name)
    for (const other of next.get(name) ?? []) {
      if (!next.has(other)) continue
      if (!index.has(other)) visit(other)
      else if (!stack.includes(other)) continue
      low.set(name, Math.min(low.get(name)!, low.get(other)!))
    }
    if (low.get(name) !== index.get(name)) return
    const circle = stack.splice(stack.indexOf(name))
    if (circle.length > 1) found.push(circle.sort())
  }
  for (const name of next.keys()) if (!index.has(name)) visit(name)
  return found
}
