/** Finds import cycles. */
import type { SourceFile } from './source-files.ts'

/**
 * Each cycle once, as the files along it. Type imports do not count, because they do not exist at run time.
 */
export function findCycles(files: SourceFile[]): string[][] {
  const next = new Map(
    files.map(({ name, imports }) => [
      name,
      imports.flatMap((one) => (one.file === undefined || one.isType ? [] : [one.file])),
    ]),
  )
  const done = new Set<string>()
  const cycles: string[][] = []
  const visit = (name: string, path: string[]): void => {
    const at = path.indexOf(name)
    if (at >= 0) cycles.push([...path.slice(at), name])
    if (at >= 0 || done.has(name)) return
    for (const other of next.get(name) ?? []) visit(other, [...path, name])
    done.add(name)
  }
  for (const name of next.keys()) visit(name, [])
  return cycles
}
