/**
 * Makes one document of a WSDL 1.1 document and of what it imports and includes: schemas stand in its types,
 * messages, port types and bindings beside its own. Nothing is fetched: it says what it wants. It takes any
 * amount of time: for a thread that can be ended.
 */
import { Fault } from '#schemas/fault.ts'
import { collectPieces, type LeftOut, type Outline, type Piece, targetOf } from './collect-pieces.ts'
import { componentReferences } from './component-references.ts'
import { type Edit, namespacesAround, withAttribute, withEdits } from './edit-text.ts'
import { is, MAX_BYTES, refused, WSDL } from './elements.ts'
import { type PlacedElement, readOutline } from './read-outline.ts'

/** What was found at an address: a document, or why there is none. */
export type FoundPart = { text: string } | { why: string }

export type JoinQuestion = {
  /** From where the document comes. */
  address: string
  text: string
  found: ReadonlyMap<string, FoundPart>
}

/** `parts` are the addresses of what stands in the text; without any it is the text that was given. */
export type JoinAnswer = { wanted: string[] } | { text: string; parts: string[]; leftOut: LeftOut[] }

/** Throws `invalid_input` for a document that cannot be read. */
export async function joinDocuments({ address, text, found }: JoinQuestion): Promise<JoinAnswer> {
  const url = new URL(address)
  url.hash = ''
  const main: Outline = { address: url.href, text, root: await readOutline(text, refused) }
  if (!is(main.root.element, WSDL, 'definitions')) return { text, parts: [], leftOut: [] }
  const pieces = collectPieces(main, await outlinesOf(found))
  const { wanted, parts, edits, definitions, schemas, others } = pieces
  const leftOut = [...pieces.leftOut.values()]
  if (wanted.size > 0) return { wanted: [...wanted] }
  if (parts.size === 0) return { text, parts: [], leftOut }

  const target = targetOf(main) ?? ''
  const moved = new Set(definitions.map((one) => targetOf(one) ?? ''))
  moved.delete(target)
  const prefix = freePrefix([main, ...definitions])
  const renamed = (elements: PlacedElement[], { tag }: PlacedElement): Edit[] => {
    const changes = componentReferences(elements, moved, prefix)
    return changes.length === 0 ? [] : [...changes, withAttribute(tag, `xmlns:${prefix}`, target)]
  }
  for (const piece of others) piece.edits.push(...renamed([piece.at], piece.at))
  const all = [
    ...edits,
    ...renamed(main.root.children, main.root),
    ...places(main.root, written(schemas), written(others)),
  ]
  const joined = withEdits(text, { from: 0, to: text.length }, all)
  if (Buffer.byteLength(joined) > MAX_BYTES) throw tooLarge()
  return { text: joined, parts: [...parts], leftOut }
}

async function outlinesOf(
  found: ReadonlyMap<string, FoundPart>,
): Promise<Map<string, Outline | { why: string }>> {
  const outlines = new Map<string, Outline | { why: string }>()
  const refuse = (what: string, cause?: unknown): Fault => new Fault('invalid_input', { what, cause })
  for (const [address, part] of found)
    try {
      const read = async ({ text }: { text: string }): Promise<Outline> => ({
        ...{ address, text, root: await readOutline(text, refuse) },
      })
      outlines.set(address, 'why' in part ? part : await read(part))
    } catch (thrown) {
      if (!(thrown instanceof Fault)) throw thrown
      outlines.set(address, { why: thrown.what ?? 'it cannot be read' })
    }
  return outlines
}

/** One that none of them uses. */
function freePrefix(all: Outline[]): string {
  const isFree = (prefix: string): boolean => !all.some(({ text }) => text.includes(prefix))
  const free = ['joined', 'joined1', 'joined2', 'joined3'].find(isFree)
  if (free === undefined) throw refused('it uses the prefixes joined to joined3')
  return free
}

/** Declarations that each piece repeats could make a text of any size of small ones. */
function written(pieces: Piece[]): string {
  const texts: string[] = []
  let length = 0
  for (const { of, at, edits, elsewhere } of pieces) {
    const around = namespacesAround(at, of.text, elsewhere)
    const piece = withEdits(of.text, { from: at.tag.start, to: at.end }, [...edits, around])
    length += piece.length
    if (length > MAX_BYTES) throw tooLarge()
    texts.push('\n', piece)
  }
  return texts.join('')
}

function tooLarge(): Fault {
  return refused('with what it imports it is larger than 2 MiB')
}

/** Schemas go to the end of its types; all else of other documents stands behind these. */
function places(root: PlacedElement, schemas: string, others: string): Edit[] {
  const types = root.children.find(({ element }) => is(element, WSDL, 'types'))
  if (types === undefined) {
    const isFirst = ({ element }: PlacedElement) =>
      !is(element, WSDL, 'documentation') && !is(element, WSDL, 'import')
    const at = root.children.find(isFirst)?.tag.start ?? root.contentEnd
    const around = schemas === '' ? '' : `<w:types xmlns:w="${WSDL}">${schemas}\n</w:types>`
    return [{ from: at, to: at, text: `${around}${others}\n` }]
  }
  const behind = { from: types.end, to: types.end, text: others }
  const { end, isEmpty, name } = types.tag
  if (!isEmpty) return [{ from: types.contentEnd, to: types.contentEnd, text: `${schemas}\n` }, behind]
  return [{ from: end - 2, to: end, text: `>${schemas}\n</${name}>` }, behind]
}
