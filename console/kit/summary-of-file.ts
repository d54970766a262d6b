/**
 * What a document says of itself: an anchor, a WSDL or an OpenAPI description. It binds nothing; people
 * approve the bytes by their digest.
 */
import type { TextKey } from './text.ts'

type Fact = [title: TextKey, value: string]

const MOST_NAMED = 10

/** Nothing for a file of another kind. */
export function factsOf(words: string): Fact[] {
  const start = words.trimStart()[0]
  if (start === '<') return factsOfXml(words)
  return start === '{' ? factsOfJson(words) : factsOfYaml(words)
}

/** Browsers load nothing that such a text names. */
function factsOfXml(words: string): Fact[] {
  const parsed = new DOMParser().parseFromString(words, 'application/xml')
  if (parsed.querySelector('parsererror') !== null) return []
  const named = (name: string): string[] =>
    [...parsed.getElementsByTagNameNS('*', name)].map(({ textContent }) => textContent.trim())
  const root = parsed.documentElement
  if (root.localName !== 'configurationAnchor')
    return told([
      ['uploaded.kind', [root.localName]],
      ['uploaded.name', [root.getAttribute('name') ?? '']],
      ['uploaded.operations', namesOf(parsed, 'portType', 'operation')],
    ])
  return told([
    ['uploaded.kind', [root.localName]],
    ['uploaded.instance', named('instanceIdentifier')],
    ['uploaded.generatedAt', named('generatedAt')],
    ['uploaded.sources', named('downloadURL')],
  ])
}

function namesOf(parsed: Document, within: string, name: string): string[] {
  return [...parsed.getElementsByTagNameNS('*', within)].flatMap((one) =>
    [...one.getElementsByTagNameNS('*', name)].map((found) => found.getAttribute('name') ?? ''),
  )
}

type OpenApi = { openapi?: unknown; info?: { title?: unknown; version?: unknown }; paths?: object }

function factsOfJson(words: string): Fact[] {
  try {
    const { openapi, info, paths } = JSON.parse(words) as OpenApi
    return told([
      ['uploaded.kind', openapi === undefined ? [] : [`OpenAPI ${String(openapi)}`]],
      ['uploaded.name', [info?.title, info?.version].filter((one) => one !== undefined).map(String)],
      ['uploaded.operations', Object.keys(paths ?? {})],
    ])
  } catch {
    return []
  }
}

/** The outermost lines alone: a whole reader of YAML would be as large as a page. */
function factsOfYaml(words: string): Fact[] {
  const version = /^openapi:\s*['"]?([\d.]+)/m.exec(words)?.[1]
  if (version === undefined) return []
  const title = /^info:(?:\r?\n[ \t]+.*)*?\r?\n[ \t]+title:\s*(.+)$/m.exec(words)?.[1]
  const paths = [...words.matchAll(/^ {1,8}['"]?(\/[^'":\s]*)['"]?:\s*$/gm)].map(([, path = '']) => path)
  return told([
    ['uploaded.kind', [`OpenAPI ${version}`]],
    ['uploaded.name', title === undefined ? [] : [title.trim()]],
    ['uploaded.operations', paths],
  ])
}

function told(facts: [TextKey, string[]][]): Fact[] {
  return facts
    .map(([title, values]): [TextKey, string[]] => [title, values.filter((value) => value !== '')])
    .filter(([, values]) => values.length > 0)
    .map(([title, values]) => [
      title,
      values.slice(0, MOST_NAMED).join(', ') + (values.length > MOST_NAMED ? `, … (${values.length})` : ''),
    ])
}
