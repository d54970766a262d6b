/**
 * As little XML as SOAP needs, without a library: where the elements near the root begin and end, and which
 * namespaces their prefixes stand for. Guarantees that tags are nested as they should be and that there is no
 * document type, no instruction and no unknown entity; whether what is deeper is valid, its reader says. One
 * pass, in linear time.
 */

export type XmlNode = {
  /** Local name; the namespace is '' when there is none. */
  name: string
  namespace: string
  /** Of the element with its tags, and of what is between these. */
  start: number
  end: number
  from: number
  to: number
  /** By prefix, '' for the default; as they hold within the element. */
  namespaces: ReadonlyMap<string, string>
  /** Down to `LEVELS`. */
  children: XmlNode[]
}

type Open = { tag: string; node: XmlNode | undefined }

/** Envelope, Body, Fault, detail, and what is in it. */
const LEVELS = 5
const MAX_DEPTH = 256
const MAX_TAGS = 1_000_000
/** Each part ends where the next begins, so that no text is read in more than one way. */
const TAG = /<(\/?)([^\s/>=<"'!?]+)((?:\s+[^\s/>=<"'!?]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>/y
const ATTRIBUTE = /([^\s/>=<"'!?]+)\s*=\s*("[^"]*"|'[^']*')/g
const DECLARATION = /^\ufeff?<\?xml\s[^?]*\?>/
const ENTITY = /&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|(amp|lt|gt|quot|apos));|&/g
const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }
const XML = 'http://www.w3.org/XML/1998/namespace'

/**
 * The root, or a few words on why this is no such document. `isPart`: one element and nothing else, without a
 * declaration.
 */
export function scanXml(text: string, isPart = false): XmlNode | string {
  const open: Open[] = []
  let root: XmlNode | undefined
  let at = isPart ? 0 : (DECLARATION.exec(text)?.[0].length ?? (text.startsWith('\ufeff') ? 1 : 0))
  for (let tags = 0; ; ) {
    const next = text.indexOf('<', at)
    const between = text.slice(at, next === -1 ? text.length : next)
    if (open.length === 0 ? /\S/.test(between) : hasUnknownEntity(between))
      return 'it holds what no text may hold'
    if (next === -1) return root !== undefined && open.length === 0 ? root : 'it is not complete'
    const skipped = skip(text, next, open.length > 0)
    if (skipped === -1) return 'it has a document type, an instruction or a section that does not end'
    if (skipped !== undefined) {
      at = skipped
      continue
    }
    TAG.lastIndex = next
    const found = TAG.exec(text)
    if (found === null || ++tags > MAX_TAGS) return 'a tag is malformed, or there are too many'
    const [whole, slash = '', tag = '', attributes = '', empty = ''] = found
    at = next + whole.length
    if (slash !== '') {
      const last = open.pop()
      if (last?.tag !== tag || attributes !== '' || empty !== '') return 'its tags are not nested'
      if (last.node !== undefined) Object.assign(last.node, { to: next, end: at })
      continue
    }
    if (open.length === 0 && root !== undefined) return 'it has more than one element'
    const parent = open.at(-1)?.node
    const node = open.length < LEVELS ? nodeOf(tag, attributes, parent, { start: next, at }) : undefined
    if (open.length < LEVELS && node === undefined) return 'a prefix has no meaning'
    root ??= node
    if (node !== undefined) parent?.children.push(node)
    if (empty === '') open.push({ tag, node })
    if (open.length > MAX_DEPTH) return 'it is nested too deeply'
  }
}

/** The text of an element without children; undefined if it has some. */
export function textOf(text: string, { from, to, children }: XmlNode): string | undefined {
  if (children.length > 0) return undefined
  let result = ''
  for (let at = from; at < to; ) {
    const next = text.indexOf('<', at)
    const until = next === -1 || next > to ? to : next
    result += plain(text.slice(at, until))
    if (until === to) break
    const end = skip(text, until, true)
    if (end === undefined || end === -1) return undefined
    if (text.startsWith('<![CDATA[', until)) result += text.slice(until + 9, end - 3)
    at = end
  }
  return result
}

/** The first of these children. */
export function childOf(node: XmlNode | undefined, namespace: string, name: string): XmlNode | undefined {
  return node?.children.find((one) => one.name === name && one.namespace === namespace)
}

function nodeOf(
  tag: string,
  attributes: string,
  parent: XmlNode | undefined,
  { start, at }: { start: number; at: number },
): XmlNode | undefined {
  const outer = parent?.namespaces ?? new Map([['xml', XML]])
  const declared = [...attributes.matchAll(ATTRIBUTE)].flatMap(
    ([, name = '', quoted = '']): [string, string][] => {
      const value = plain(quoted.slice(1, -1))
      return name === 'xmlns' ? [['', value]] : name.startsWith('xmlns:') ? [[name.slice(6), value]] : []
    },
  )
  const namespaces = declared.length === 0 ? outer : new Map([...outer, ...declared])
  const [prefix, name] = tag.includes(':') ? (tag.split(':', 2) as [string, string]) : ['', tag]
  const namespace = namespaces.get(prefix)
  if (namespace === undefined && prefix !== '') return undefined
  return { name, namespace: namespace ?? '', start, end: at, from: at, to: at, namespaces, children: [] }
}

/** Where the comment or section at this place ends; undefined for a tag, -1 for what is not taken. */
function skip(text: string, at: number, isInside: boolean): number | undefined {
  const [opening, closing] = text.startsWith('<!--', at)
    ? ['<!--', '-->']
    : isInside && text.startsWith('<![CDATA[', at)
      ? ['<![CDATA[', ']]>']
      : ['', '']
  if (opening === '') return text[at + 1] === '!' || text[at + 1] === '?' ? -1 : undefined
  const end = text.indexOf(closing, at + opening.length)
  return end === -1 ? -1 : end + closing.length
}

function hasUnknownEntity(text: string): boolean {
  return text.includes('&') && [...text.matchAll(ENTITY)].some(([whole]) => whole === '&')
}

function plain(text: string): string {
  return text.replace(ENTITY, (whole, decimal?: string, hex?: string, name?: string) => {
    if (name !== undefined) return ENTITIES[name]!
    const code = decimal === undefined ? Number.parseInt(hex ?? '', 16) : Number(decimal)
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole
  })
}
