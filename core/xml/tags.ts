/** The tags of well-formed XML with their places, for those who change a document without writing it anew. */

/** A tag; places count characters of the text. */
export type Tag = {
  /** With its prefix. */
  name: string
  isEnd: boolean
  isEmpty: boolean
  /** What stands between the name and the end of the tag. */
  attributes: string
  start: number
  end: number
}

const SKIPPED: readonly [opening: string, closing: string][] = [
  ['<!--', '-->'],
  ['<![CDATA[', ']]>'],
  ['<?', '?>'],
]
/** A `>` may stand in an attribute's value. */
const TAG = /<(\/?)([^\s/>]+)((?:[^"'>]|"[^"]*"|'[^']*')*)>/y
/** Of well-formed XML: each match takes a whole attribute, so that none begins within a value. */
const ATTRIBUTE = /([^\s=/]+)(\s*=\s*)("[^"]*"|'[^']*')/g

/**
 * In order; comments, CDATA sections and instructions are passed over. Ends at the first thing that is no
 * tag.
 */
export function* tagsOf(text: string): Generator<Tag> {
  for (let at = text.indexOf('<'); at !== -1; at = text.indexOf('<', at)) {
    const skipped = SKIPPED.find(([opening]) => text.startsWith(opening, at))
    if (skipped !== undefined) {
      const [opening, closing] = skipped
      at = text.indexOf(closing, at + opening.length)
      if (at === -1) return
      at += closing.length
      continue
    }
    TAG.lastIndex = at
    const found = TAG.exec(text)
    if (found === null) return
    const [whole, slash = '', name = '', attributes = ''] = found
    const end = at + whole.length
    yield { name, isEnd: slash !== '', isEmpty: attributes.endsWith('/'), attributes, start: at, end }
    at = end
  }
}

/**
 * Attributes as they are written: `value` without its quotes, references not resolved; `at` is where the
 * value begins in the tag.
 */
export function attributesOf({
  name,
  attributes,
}: Tag): { name: string; value: string; written: string; at: number }[] {
  const from = 1 + name.length
  return [...attributes.matchAll(ATTRIBUTE)].map((found) => {
    const [written, attribute = '', equals = '', quoted = ''] = found
    const at = from + found.index + attribute.length + equals.length + 1
    return { name: attribute, value: quoted.slice(1, -1), written, at }
  })
}

/** Prefix ('' when there is none) and local name. */
export function splitName(name: string): [prefix: string, local: string] {
  const colon = name.indexOf(':')
  return colon === -1 ? ['', name] : [name.slice(0, colon), name.slice(colon + 1)]
}

/** The namespaces in scope within a start tag, by prefix; `outer` are those around it. */
export function namespacesIn(
  tag: Tag,
  outer: ReadonlyMap<string, string> = new Map(),
): ReadonlyMap<string, string> {
  const declared = attributesOf(tag).filter(({ name }) => name === 'xmlns' || name.startsWith('xmlns:'))
  if (declared.length === 0) return outer
  const inner = new Map(outer)
  for (const { name, value } of declared) inner.set(name.slice(6), value)
  return inner
}
