/**
 * The rows of an XML file: an element that is repeated, with values in its elements and attributes.
 * Namespaces are not looked at.
 */
import type { XmlElement } from '#core/xml/element.ts'
import { readTree } from '#core/xml/read-tree.ts'
import { Fault } from '#schemas/fault.ts'
import { BrokenFile } from './read-file.ts'

const BOUNDS = { elements: 500_000, nodes: 1_000_000, depth: 32, scope: 64, attributes: 64 }

/**
 * The values of `columns` row by row: `name`, `name/inner`, `@attribute`, `name/@attribute`. `rows` is the
 * way from the root to the rows. Throws BrokenFile.
 */
export async function* readXml(
  xml: Buffer,
  rows: string,
  columns: string[],
): AsyncGenerator<unknown[], void> {
  const root = await parse(xml)
  const [first, ...names] = rows.split('/').slice(1)
  if (root.name !== first) throw new BrokenFile(`its file does not begin with ${first}`)
  let found = [root]
  for (const name of names)
    found = found.flatMap(({ children }) => children.filter((child) => child.name === name))
  const paths = columns.map((column) => column.split('/'))
  for (const [at, row] of found.entries()) yield paths.map((path) => valueIn(row, path, at + 1))
}

async function parse(xml: Buffer): Promise<XmlElement> {
  const refuse = (what: string, cause?: unknown): Fault => new Fault('source_failed', { what, cause })
  try {
    return await readTree(xml, { ...BOUNDS, bytes: xml.length, isHuge: true, refuse })
  } catch (cause) {
    if (!(cause instanceof Fault)) throw cause
    throw new BrokenFile(`its file is no XML that is read here: ${cause.what ?? ''}`, cause)
  }
}

function valueIn(row: XmlElement, path: string[], number: number): string | undefined {
  let at = row
  for (const name of path) {
    if (name.startsWith('@')) return at.attributes.get(name.slice(1))
    const [child, second] = at.children.filter((one) => one.name === name)
    if (child === undefined) return undefined
    if (second !== undefined) throw new BrokenFile(`row ${number} of its file has ${name} more than once`)
    at = child
  }
  if (at.children.length > 0)
    throw new BrokenFile(`row ${number} of its file has elements in ${path.join('/')}`)
  return at.text
}
