/**
 * The content of an answer as people read it: JSON and XML with a line for each part. What cannot be read so
 * stays as it came.
 */

const INDENT = '  '
/** Deeper content is not laid out: the columns would leave the page. */
const MAX_DEPTH = 40

export function readable(content: string): string {
  try {
    return JSON.stringify(JSON.parse(content), null, INDENT)
  } catch {
    return content.trimStart().startsWith('<') ? readableXml(content) : content
  }
}

function readableXml(content: string): string {
  const document = new DOMParser().parseFromString(content, 'text/xml')
  if (document.querySelector('parsererror') !== null) return content
  return linesOf(document.documentElement, 0).join('\n')
}

/** Elements with text stay on their line: a break there would be content. */
function linesOf(element: Element, depth: number): string[] {
  const margin = INDENT.repeat(depth)
  const hasText = [...element.childNodes].some(
    (node) => node.nodeType !== Node.ELEMENT_NODE && (node.nodeValue ?? '').trim() !== '',
  )
  if (depth > MAX_DEPTH || (hasText && element.children.length > 0))
    return [margin + new XMLSerializer().serializeToString(element)]
  const attributes = [...element.attributes].map(({ name, value }) => ` ${name}="${escaped(value)}"`)
  const tag = `${element.nodeName}${attributes.join('')}`
  const closing = `</${element.nodeName}>`
  if (hasText) return [`${margin}<${tag}>${escaped(element.textContent ?? '')}${closing}`]
  if (element.children.length === 0) return [`${margin}<${tag}/>`]
  const inner = [...element.children].flatMap((child) => linesOf(child, depth + 1))
  return [`${margin}<${tag}>`, ...inner, margin + closing]
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
